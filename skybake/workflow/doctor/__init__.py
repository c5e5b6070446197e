"""What this site will do: short jobs look around where trainings will run, and one line for each finding is printed.

``steps`` and ``frameworks`` run in the jobs, ``login`` beside Snakemake; ``lines`` judges what they found.
"""
