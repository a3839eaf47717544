"""One function a verb: thin, and its work is a job. Jobs are imported when their verb is called."""
