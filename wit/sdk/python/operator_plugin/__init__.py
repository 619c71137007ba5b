"""Author SDK for Operator plugins in Python.

`operator_plugin.check` is for checks, `operator_plugin.subject` for plugins that observe a system; a component has one
of the two worlds, so a plugin imports one of the two modules. `operator_plugin.reading` is common to both.

Modules of the standard library that read a clock, randomness, files or the network trap in the sandbox: a plugin
has only what its world imports.
"""
