"""Author SDK for Operator plugins in Python.

`operator_plugin.invariant` is for checks, `operator_plugin.subject` for what observes a system; a component has one
of the two worlds, so a plugin imports one of the two modules. `operator_plugin.reading` is common to both.

Modules of the standard library that read a clock, randomness, files or the network trap in the sandbox: a plugin
has none of them but what its world imports.
"""
