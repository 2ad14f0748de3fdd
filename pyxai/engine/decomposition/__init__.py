"""Trainings of :mod:`pyxai.dxai` on files: the classifier they explain, and the tables they are judged by."""
