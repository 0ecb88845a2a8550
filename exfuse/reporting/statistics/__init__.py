"""Whether a claim of the paper holds, and how sure that is: intervals, Holm's correction, one rule."""
