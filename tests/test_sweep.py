"""The sweep over architectures, of a dozen networks of different kinds."""

import pytest

from tests.sweep.architectures import ARCHITECTURES
from tests.sweep.rows import sweep

SAMPLE = (
    "squeezenet1_1", "test_resnet", "densenet121", "mobilenetv3_small_050", "test_nfnet", "test_vit",
    "mlp_mixer.MlpMixer", "efficientvit_b0", "xcit_nano_12_p16_224", "SwinForImageClassification",
    "ConvNextV2ForImageClassification", "LevitForImageClassification",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "about", [about for about in ARCHITECTURES if about.name in SAMPLE], ids=lambda a: a.name
)
def test_maps_are_what_the_eager_model_says(about):
    pytest.importorskip(about.library)
    row = sweep(about)
    said = {method: outcome.says for method, outcome in row.outcomes.items() if outcome.says}
    assert not {outcome.kind for outcome in row.outcomes.values()} & {"differs", "fails"}, said
