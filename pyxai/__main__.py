"""``python -m pyxai``, also under ``torchrun -m pyxai``."""

from pyxai.cli import main

if __name__ == "__main__":
    main()
