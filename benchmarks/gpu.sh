#!/usr/bin/env bash
# Build, test and measure on a machine with a CUDA GPU: one command, under ten minutes, no network.
#
# The machine needs torch >= 2.10 with CUDA, nvcc and a C++ compiler. Packages it lacks are taken from wheels
# in .whl/, fetched beforehand for its Python, for example:
#   pip download --no-deps --only-binary :all: --python-version 3.12 -d .whl \
#       pybind11 setuptools ninja scipy pillow zarr donfig numcodecs google-crc32c typer rich captum \
#       zennit pytest pluggy iniconfig pytest-timeout hypothesis sortedcontainers
# With two zips of pictures in folders of their classes, TRAIN.zip and TEST.zip, it trains a decomposition for
# them and evaluates it instead, in the same ten minutes; nothing is built for that.
# The tests are those that run everywhere in an emulation of the device, here on the device itself. They come first,
# and nothing is measured that fails them.
# Results go to $OUT, by default benchmarks/results. Exit code: 0 only if the build, the tests and every
# benchmark succeeded.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

PYTHON="${PYTHON:-python3}"
OUT="${OUT:-benchmarks/results}"
SITE="$PWD/build/gpu-site"
mkdir -p "$OUT" "$SITE"

shopt -s nullglob
wheels=(.whl/*.whl)
if [ "${#wheels[@]}" -gt 0 ]; then
    "$PYTHON" -m pip install --quiet --no-index --no-deps --upgrade --target "$SITE" "${wheels[@]}" || exit 1
fi
export PYTHONPATH="$PWD:$SITE${PYTHONPATH:+:$PYTHONPATH}"

"$PYTHON" -c 'import torch; assert torch.cuda.is_available(), "no CUDA device"; print(torch.__version__, torch.cuda.get_device_name())' || exit 1

if [ "$#" -eq 2 ]; then
    # As long as there is time: a checkpoint a minute, of which the last is evaluated.
    timeout 420 "$PYTHON" -m pyxai dxai train --data "$1" --out "$OUT/dxai" --classifier train --image-size 64 \
        --batch 32 --discriminator-width 64 --precision bf16 --iterations 1000000 --report-every 500 --minutes 1 --resume
    timeout 150 "$PYTHON" -m pyxai dxai evaluate --run "$OUT/dxai" --data "$2" --device cuda
    exit "$?"
fi

PYXAI_NATIVE=1 PYXAI_CUDA=1 timeout 150 "$PYTHON" setup.py -q build_ext --inplace || exit 1
"$PYTHON" -m pyxai info > "$OUT/info.txt" || exit 1

timeout 150 "$PYTHON" -m pytest -m gpu -q -p no:cacheprovider 2>&1 | tee "$OUT/pytest-gpu.txt" || exit 1
status=0
for subject in ops gradients path noise lrp deeplift; do
    timeout 45 "$PYTHON" -m "benchmarks.bench_$subject" --device cuda --out "$OUT" || status=1
done
exit "$status"
