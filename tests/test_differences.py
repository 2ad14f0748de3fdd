"""Every example of docs/differences.md does what it claims."""

import re
from pathlib import Path

import pytest

from tests import torchvision_shim

torchvision_shim.install()

PAGE = (Path(__file__).parents[1] / "docs" / "differences.md").read_text()
EXAMPLES = re.findall(r"\*\*(.+?)\*\*(?:(?!\*\*).)*?```python\n(.+?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", [code for _, code in EXAMPLES], ids=[claim for claim, _ in EXAMPLES])
@pytest.mark.filterwarnings("ignore")
def test_example(code):
    for peer in set(
        re.findall(r"^(?:from|import) (captum|shap|zennit|pytorch_grad_cam)", code, re.MULTILINE)
    ):
        pytest.importorskip(peer)
    exec(code, {})


def test_every_example_has_a_claim():
    assert len(EXAMPLES) == PAGE.count("```python")
