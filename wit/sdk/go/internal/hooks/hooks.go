// Package hooks joins the exports of the component to the author's module.
package hooks

import (
	"operator-plugin/internal/bindings/operator_plugin_checks"
	"operator-plugin/internal/bindings/operator_plugin_snapshots"
	"operator-plugin/internal/bindings/operator_plugin_types"
	"operator-plugin/internal/wit/types"
)

type (
	Declared = types.Result[operator_plugin_checks.Declaration, operator_plugin_types.PluginError]
	Judged   = types.Result[operator_plugin_checks.Outcome, operator_plugin_types.PluginError]
	Migrated = types.Result[types.Option[[]uint8], operator_plugin_types.PluginError]
)

// Set by plugin.Export.
var (
	Declare  func(config string) Declared
	Evaluate func(check string, snapshot *operator_plugin_snapshots.Snapshot, state types.Option[[]uint8]) Judged
	Migrate  func(check string, fromVersion string, state []uint8) Migrated
)
