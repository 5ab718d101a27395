"""What the evidence says: questions that people ask, answered from the records and from nothing else.

Pure and deterministic: the same evidence gives the same answers, byte for byte, so that anyone can judge it again.
What was not observed is never answered with no: it is `unseen`, and the answer says why.
"""

from overt.conduct.judge.questions import GROUPS, QUESTIONS, Question, judge

__all__ = ["GROUPS", "QUESTIONS", "Question", "judge"]
