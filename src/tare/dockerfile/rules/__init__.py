"""The rules: a function for each, in a module for each topic, and a TOML file for each code.

A rule's file has its severity, why it is there, who says so, and two examples, which are tests. It is read when the rule
finds something or is asked about, so that a file without findings costs no time. `docs/rules.md` is made of them.
"""
