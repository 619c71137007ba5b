//! The first gate: may these bytes be compiled at all? Nothing is compiled, let alone run, here.

mod shape;

use crate::limits::PluginLimits;
use crate::load::LoadError;
use operator_model::Digest;
use serde::Serialize;
use sha2::Digest as _;
use shape::Shape;
use std::collections::BTreeSet;
use std::ops::Range;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentExternalKind, Parser, Payload, Validator,
    WasmFeatures,
};

/// Version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.2.0";

/// Namespace of the contract's packages.
const CONTRACT: &str = "operator:";

/// Interfaces of the contract that a subject may import, and those that a check may.
const SUBJECT_INTERFACES: &[&str] = &[
    "knowledge/builders",
    "knowledge/commands",
    "knowledge/vocabulary",
    "observe/observations",
    "observe/topology",
    "tables/tables",
    "telemetry/clock",
    "telemetry/http",
    "telemetry/http-types",
    "telemetry/log",
    "telemetry/logs",
    "telemetry/promql",
    "telemetry/scraped-series",
    "telemetry/scraping",
    "types/gaps",
    "types/selectors",
    "types/types",
];
const CHECK_INTERFACES: &[&str] = &[
    "check/findings",
    "check/frozen-series",
    "check/snapshots",
    "tables/tables",
    "telemetry/log",
    "types/gaps",
    "types/selectors",
    "types/types",
];

/// What a prober imports in addition to a subject: types of what it exports.
const PROBES: &str = "probe/probes";

/// What a prober exports in addition to a subject.
const PROBING: &str = "operator:probe/probing@0.2.0";

/// Packages of WASI 0.2 for which the host has an empty, deterministic stand-in.
const WASI_PACKAGES: &[&str] = &[
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Which world a component implements, told by what it exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Observes a system.
    Subject,
    /// Observes a system, and answers questions about it.
    Prober,
    /// Evaluates snapshots.
    Check,
    /// Evaluates snapshots by rules whose source text it is given.
    RuleEngine,
}

/// A component that may be compiled: whole, valid, of a known world, importing only the contract.
/// Only [`Admitted::new`] makes one.
#[derive(Debug, Clone)]
pub(crate) struct Admitted<'a> {
    bytes: &'a [u8],
    digest: Digest,
    imports: Vec<String>,
    exports: Vec<String>,
    world: World,
}

impl<'a> Admitted<'a> {
    /// Looks at the bytes of a component; `name` is for messages.
    ///
    /// # Errors
    /// Says what is wrong: size, form, world, version, imports or text encoding.
    pub(crate) fn new(
        name: &str,
        bytes: &'a [u8],
        limits: &PluginLimits,
    ) -> Result<Self, LoadError> {
        let name = name.to_owned();
        if bytes.len() > limits.component_bytes_max {
            return Err(LoadError::TooLarge {
                name,
                bytes: bytes.len(),
                limit: limits.component_bytes_max,
            });
        }
        check_header(&name, bytes)?;
        let surface = Surface::read(bytes).map_err(|error| unreadable(&name, bytes, &error))?;
        if surface.wide_strings {
            return Err(LoadError::StringEncoding { name });
        }
        check_version(&name, &surface.imports)?;
        let world = surface.world().ok_or_else(|| LoadError::OtherWorld {
            name: name.clone(),
            exports: surface.exports.iter().cloned().collect(),
        })?;
        check_imports(&name, world, &surface.imports)?;
        Shape::read(bytes)
            .and_then(|shape| shape.check(limits.of(world)))
            .map_err(|excess| LoadError::Exceeds {
                name: name.clone(),
                what: excess.what,
                size: excess.size,
                limit: excess.limit,
            })?;
        let digest = Digest(hex::encode(sha2::Sha256::digest(bytes)));
        let (imports, exports) = (
            surface.imports.into_iter().collect(),
            surface.exports.into_iter().collect(),
        );
        Ok(Self {
            bytes,
            digest,
            imports,
            exports,
            world,
        })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Their sha256.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Names of its imports, sorted.
    pub(crate) fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Names of its exports, sorted.
    pub(crate) fn exports(&self) -> &[String] {
        &self.exports
    }

    /// Its world.
    pub(crate) fn world(&self) -> World {
        self.world
    }

    /// True when the component imports WASI, for which it gets an empty stand-in.
    pub(crate) fn imports_wasi(&self) -> bool {
        self.imports
            .iter()
            .any(|import| import.starts_with("wasi:"))
    }
}

impl World {
    /// As written in `wit/`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Prober => "prober",
            Self::Check => "check",
            Self::RuleEngine => "rule-engine",
        }
    }

    /// The world that this one extends, or itself: a component is accepted wherever its base is wanted.
    #[must_use]
    pub fn base(self) -> Self {
        match self {
            Self::Subject | Self::Prober => Self::Subject,
            Self::Check | Self::RuleEngine => Self::Check,
        }
    }
}

/// What the first eight bytes say. Compiled code is an ELF file: it would run outside of every limit.
fn check_header(name: &str, bytes: &[u8]) -> Result<(), LoadError> {
    let name = name.to_owned();
    if bytes.starts_with(b"\x7fELF") {
        return Err(LoadError::Precompiled { name });
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule { name });
    }
    if bytes.len() < 8 && b"\0asm\x0d\0\x01\0".starts_with(bytes) {
        return Err(LoadError::Truncated {
            name,
            bytes: bytes.len(),
        });
    }
    Err(LoadError::NotWasm { name })
}

fn unreadable(name: &str, bytes: &[u8], error: &wasmparser::Error) -> LoadError {
    // Every error of a file that was cut points at its end; one of a damaged file hardly ever does.
    if error.message().contains("unexpected end") || error.offset() >= bytes.len() {
        LoadError::Truncated {
            name: name.to_owned(),
            bytes: bytes.len(),
        }
    } else {
        LoadError::Invalid {
            name: name.to_owned(),
            why: error.to_string(),
        }
    }
}

/// Before anything else: what another version of the contract exports is nobody's mistake but that.
fn check_version(name: &str, imports: &BTreeSet<String>) -> Result<(), LoadError> {
    let version = |import: &str| {
        import
            .strip_prefix(CONTRACT)?
            .split_once('@')
            .map(|(_, version)| version.to_owned())
    };
    match imports
        .iter()
        .find(|import| version(import).is_some_and(|version| version != CONTRACT_VERSION))
    {
        Some(import) => Err(LoadError::OtherVersion {
            name: name.to_owned(),
            import: import.clone(),
        }),
        None => Ok(()),
    }
}

fn check_imports(name: &str, world: World, imports: &BTreeSet<String>) -> Result<(), LoadError> {
    let mut outside = Vec::new();
    for import in imports {
        match import
            .strip_prefix(CONTRACT)
            .and_then(|rest| rest.split_once('@'))
        {
            Some((interface, _)) if world.offers(interface) => {}
            _ if is_wasi(import) => {}
            _ => outside.push(import.clone()),
        }
    }
    if outside.is_empty() {
        Ok(())
    } else {
        Err(LoadError::OutsideContract {
            name: name.to_owned(),
            world,
            imports: outside,
        })
    }
}

impl World {
    fn offers(self, interface: &str) -> bool {
        match self {
            Self::Subject => SUBJECT_INTERFACES.contains(&interface),
            Self::Prober => SUBJECT_INTERFACES.contains(&interface) || interface == PROBES,
            Self::Check | Self::RuleEngine => CHECK_INTERFACES.contains(&interface),
        }
    }
}

fn is_wasi(import: &str) -> bool {
    WASI_PACKAGES
        .iter()
        .any(|package| import.starts_with(package))
        && import.contains("@0.2.")
}

/// What a component shows to the outside.
#[derive(Default)]
struct Surface {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    wide_strings: bool,
}

impl Surface {
    /// Reads and validates everything; collects the outermost imports and exports.
    fn read(bytes: &[u8]) -> Result<Self, wasmparser::Error> {
        Validator::new_with_features(features()).validate_all(bytes)?;
        let mut surface = Self::default();
        let mut nested_until = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Some(range) = nested_range(&payload) {
                nested_until = nested_until.max(range.end);
            }
            surface.see(&payload, nested_until)?;
        }
        Ok(surface)
    }

    fn see(&mut self, payload: &Payload<'_>, nested_until: usize) -> Result<(), wasmparser::Error> {
        match payload {
            Payload::ComponentImportSection(section) if section.range().start >= nested_until => {
                for import in section.clone() {
                    self.see_import(&import?);
                }
            }
            Payload::ComponentExportSection(section) if section.range().start >= nested_until => {
                for export in section.clone() {
                    self.see_export(&export?);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    self.wide_strings |= uses_wide_strings(&function?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Types that a world names for itself carry no code and no permission.
    fn see_import(&mut self, import: &wasmparser::ComponentImport<'_>) {
        if import.ty.kind() != ComponentExternalKind::Type {
            self.imports.insert(import.name.name.to_owned());
        }
    }

    fn see_export(&mut self, export: &wasmparser::ComponentExport<'_>) {
        if export.kind != ComponentExternalKind::Type {
            self.exports.insert(export.name.name.to_owned());
        }
    }

    fn world(&self) -> Option<World> {
        let exports = |names: &[&str]| names.iter().all(|name| self.exports.contains(*name));
        if exports(&["describe", "configure", "observe", "knowledge"]) {
            Some(if exports(&[PROBING]) {
                World::Prober
            } else {
                World::Subject
            })
        } else if exports(&["declare", "evaluate", "migrate"]) {
            Some(if exports(&["load"]) {
                World::RuleEngine
            } else {
                World::Check
            })
        } else {
            None
        }
    }
}

/// Where a module or component inside of the component ends.
fn nested_range(payload: &Payload<'_>) -> Option<Range<usize>> {
    match payload {
        Payload::ModuleSection {
            unchecked_range, ..
        }
        | Payload::ComponentSection {
            unchecked_range, ..
        } => Some(unchecked_range.clone()),
        _ => None,
    }
}

/// Text crosses the boundary as UTF-8 only: transcoding is where engines had their worst bugs.
fn uses_wide_strings(function: &CanonicalFunction) -> bool {
    let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) =
        function
    else {
        return false;
    };
    options.iter().any(|option| {
        matches!(
            option,
            CanonicalOption::UTF16 | CanonicalOption::CompactUTF16
        )
    })
}

/// What guests may be made of: what common toolchains emit, without threads, 64-bit memories,
/// garbage collection, exceptions and component-model async.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::RELAXED_SIMD
}
