"""What the JSON of an exported model may say, text by text."""

import json

import pytest

from pyxai.engine.models.program import Refused, checked_program

LEAF = {"type": None, "context": None, "children_spec": []}


def tree(kind: str, context: object) -> str:
    return json.dumps([1, {"type": kind, "context": json.dumps(context), "children_spec": [LEAF]}])


@pytest.mark.parametrize(
    "said",
    [
        {"target": "torch.ops.aten.conv2d.default"},
        {"target": "torch.ops.higher_order.wrap_with_set_grad_enabled"},
        {"target": "torch.sym_max"},
        {"target": "_operator.floordiv"},
        {"as_operator": "_operator.getitem"},
        {"name": "conv2d_1"},
        {"name": ""},
        {"expr_str": "Symbol('s77', positive=True, integer=True)"},
        {"guards_code": ["L['x'].size()[0] == 3"]},
        {"in_spec": tree("builtins.dict", ["logits"])},
        {"in_spec": tree("transformers.modeling_outputs.ImageClassifierOutput", ["logits"])},
        {"as_string": "bij,bjk->bik"},
        {"parameter_name": "layers.0.weight"},
        {"range_constraints": {"s77": {"min_val": 2}}},
        {"torch_version": "2.13.0+cpu"},
    ],
)
def test_what_programs_say(said):
    assert json.loads(checked_program(json.dumps({"deep": [said]}).encode())) == {"deep": [said]}


@pytest.mark.parametrize(
    "said",
    [
        {"target": "torch.os.system"},
        {"target": "torch.hub.load"},
        {"target": "torch.load"},
        {"target": "torch.ops.aten.from_file.default"},
        {"target": "torch.ops.aten.save.default"},
        {"target": "torch.ops.aten.relu.__class__"},
        {"target": "torch.ops.aten.nothing_of_this_name.default"},
        {"target": "torch.ops.load_library"},
        {"target": "torch.ops.higher_order.call_torchbind"},
        {"target": "torch.ops.profiler._record_function_enter.default"},
        {"target": "_operator.methodcaller"},
        {"target": "_operator.attrgetter"},
        {"target": "math.__loader__.load_module"},
        {"target": "#extension:op"},
        {"target": "print"},
        {"target": ""},
        {"as_operator": "torch.os.system"},
        {"name": "x=print(1)"},
        {"name": "lambda"},
        {"name": "x, y"},
        {"as_name": "x): print(1"},
        {"forward_arg_names": ["x=print(1)"]},
        {"expr_str": "print(1)"},
        {"guards_code": ["print(1)"]},
        {"in_spec": tree("collections.defaultdict", {"default_factory_module": "os"})},
        {"in_spec": tree("builtins.dict", [{"__enum__": True, "fqn": "os:system", "name": "x"}])},
        {"out_spec": tree("print(1)", [])},
        {"as_string": "\x1b[2J"},
        {"anything": "print(1)"},
        {"print(1)": 1},
        {"nn_module_stack": "L['x\\\"'],,torch"},
    ],
)
def test_what_no_program_says(said):
    with pytest.raises((Refused, ValueError)):
        checked_program(json.dumps({"deep": [said]}).encode())


def test_what_only_describes_is_dropped():
    said = {
        "metadata": {
            "stack_trace": "File 'x'",
            "nn_module_stack": "L__self__,,torch.nn.Linear",
            "custom": "{}",
        }
    }
    kept = {"metadata": {"nn_module_stack": "L__self__,,torch.nn.Linear"}}
    assert json.loads(checked_program(json.dumps(said).encode())) == kept


def test_nesting_is_bounded():
    with pytest.raises((Refused, RecursionError)):
        checked_program(b"[" * 500 + b"]" * 500)
