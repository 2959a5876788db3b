"""From a teacher's data to a student: the rules and recipes that do not depend on the lab."""
