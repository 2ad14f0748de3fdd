"""Pages that people look at in a browser: surveys of how they find visual explanations, and their scores.

    survey = pyxai.report.read_survey("survey.json")
    pathlib.Path("survey.html").write_text(pyxai.report.survey_page(survey))   # one file, no network
    answers = pyxai.report.read_answers(survey, ["answers-ann.csv", "answers-bob.csv"])
    pyxai.report.scores(survey, answers)                                       # a score for each method

The two studies of Shi, Li & Yamaguchi 2023, §4.3: which explanations are preferred, and whether what they
mean is understood. The page needs jinja2, the extra ``report``.
"""

from pyxai.report.answers import Answer, read_answers
from pyxai.report.page import survey_page
from pyxai.report.scores import Score, scores
from pyxai.report.survey import Survey, read_survey

__all__ = ["Answer", "Score", "Survey", "read_answers", "read_survey", "scores", "survey_page"]
