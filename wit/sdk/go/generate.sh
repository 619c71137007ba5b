#!/bin/sh
# Makes the bindings again from the contract. Needs wit-bindgen 0.63:
#   cargo install wit-bindgen-cli@0.63.0 --no-default-features --features go,c
# The generator writes a program of its own; here its packages become internal ones of this module, and what it
# imports from its own runtime module (which is not needed otherwise) comes from internal/wit.
set -eu
cd "$(dirname "$0")"
generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
"${WIT_BINDGEN:-wit-bindgen}" go ../.. -w check --out-dir "$generated" >/dev/null
rm -rf internal/bindings internal/exports
mkdir -p internal/bindings internal/exports
for package in "$generated"/operator_*; do
    mv "$package" internal/bindings/
done
mv "$generated/wit_exports.go" internal/exports/
find internal/bindings internal/exports -name '*.go' | xargs sed -i \
    -e 's|go.bytecodealliance.org/pkg/wit/|operator-plugin/internal/wit/|' \
    -e 's|"wit_component/export_wit_world"|export_wit_world "operator-plugin/internal/hooks"|' \
    -e 's|"wit_component/|"operator-plugin/internal/bindings/|' \
    -e 's|^package main$|package exports|' -e '/^func main() {}$/d'
# The generator lets a parameter named `len` hide Go's function of that name.
sed -i -e 's/start uint32, len uint32/start uint32, count uint32/' -e 's/int32(len))*, returnArea/int32(count), returnArea/' \
    internal/bindings/operator_tables_tables/wit_bindings.go
gofmt -w internal/bindings internal/exports
