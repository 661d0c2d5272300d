"""Which distribution each file belongs to, by the records of whoever installed it; never by its name alone."""
