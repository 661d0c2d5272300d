"""Documents for people: sections of text, tables and plots, as an HTML page, as Markdown, or as data."""
