"""Discovery: which columns are about people, which rule would fit each, and why. Pure: facts in, verdicts out."""
