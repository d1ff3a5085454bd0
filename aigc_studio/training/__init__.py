"""Training and fine-tuning runs; they also make the starter models in resources/models/."""
