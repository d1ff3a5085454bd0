"""The parts of a project on disk: database, files, lock, journal, backups, recovery. Used through core.project only."""
