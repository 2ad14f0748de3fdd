"""The demonstration: real images without a network connection, through the same engine as `pyxai explain`."""
