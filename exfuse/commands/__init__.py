"""What each verb of the command line does: it puts data, models, training, evaluation and reporting together."""
