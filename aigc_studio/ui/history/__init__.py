"""The History panel's parts: the timeline, the recipe, the lineage."""
