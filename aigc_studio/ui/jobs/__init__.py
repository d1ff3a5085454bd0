"""The pieces of the Queue panel: the list of jobs as a model, and how a job is drawn."""
