"""What a project, an asset, a job and a request are. No Qt, no torch, nothing of ours from outside this package."""
