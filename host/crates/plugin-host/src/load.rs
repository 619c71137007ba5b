//! Reading a component file, and every reason for which one cannot be used.

use crate::admit::{CONTRACT_VERSION, World};
use crate::failure::PluginFailure;
use crate::limits::PluginLimits;
use crate::trust::TrustError;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Why a plugin cannot be used. Each text names the plugin, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no such file, or it cannot be read.
    #[error("cannot read plugin {name}: {why}")]
    Unreadable {
        /// Path or name of the plugin.
        name: String,
        /// What the system said.
        why: String,
    },
    /// The file is larger than the limit.
    #[error("plugin {name} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Path or name of the plugin.
        name: String,
        /// Its size; at least this much when reading stopped early.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not WebAssembly at all.
    #[error(
        "plugin {name} is not WebAssembly: a component begins with the bytes 00 61 73 6d 0d 00 01 00"
    )]
    NotWasm {
        /// Path or name of the plugin.
        name: String,
    },
    /// Code that somebody else compiled.
    #[error(
        "plugin {name} is native code (ELF, a .cwasm), which is never accepted from outside: give the .wasm, the \
         operator compiles it itself"
    )]
    Precompiled {
        /// Path or name of the plugin.
        name: String,
    },
    /// A core module.
    #[error(
        "plugin {name} is a core WebAssembly module, not a component: make one of it, for example with \
         `wasm-tools component new`"
    )]
    CoreModule {
        /// Path or name of the plugin.
        name: String,
    },
    /// The file ends too early.
    #[error(
        "plugin {name} is cut off after {bytes} bytes: copy it again, and put it in place by renaming"
    )]
    Truncated {
        /// Path or name of the plugin.
        name: String,
        /// What there is of it.
        bytes: usize,
    },
    /// The file is damaged, or uses WebAssembly features that are not admitted.
    #[error("plugin {name} is not a valid component: {why}")]
    Invalid {
        /// Path or name of the plugin.
        name: String,
        /// What the validator said, with the place in the file.
        why: String,
    },
    /// It passes text in an encoding other than UTF-8.
    #[error(
        "plugin {name} passes text as UTF-16 or Latin-1, only UTF-8 is admitted: build it with UTF-8 strings"
    )]
    StringEncoding {
        /// Path or name of the plugin.
        name: String,
    },
    /// It is larger or more intricate than a plugin may be before it does anything.
    #[error("plugin {name} has {what}: {size}, the limit is {limit}")]
    Exceeds {
        /// Path or name of the plugin.
        name: String,
        /// What there is too much of, with its unit.
        what: &'static str,
        /// How much.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The user does not want it to run.
    #[error("plugin {name} is not trusted: {why}")]
    Untrusted {
        /// Path or name of the plugin.
        name: String,
        /// What is missing or wrong.
        why: Box<TrustError>,
    },
    /// It exports neither what a subject nor what a check has to.
    #[error(
        "plugin {name} is a component of another world: it exports {}, a subject exports configure, describe, \
         knowledge and observe, a check exports declare, evaluate and migrate",
        listed(exports)
    )]
    OtherWorld {
        /// Path or name of the plugin.
        name: String,
        /// What it exports.
        exports: Vec<String>,
    },
    /// It is a plugin, but not of the kind that is needed here.
    #[error("plugin {name} is of the world {}, here a component of the world {} is needed", found.name(), wanted.name())]
    WrongWorld {
        /// Path or name of the plugin.
        name: String,
        /// What it is.
        found: World,
        /// What is needed.
        wanted: World,
    },
    /// It was built for another version of the contract.
    #[error(
        "plugin {name} imports {import}, this operator speaks version {CONTRACT_VERSION}: build it against that"
    )]
    OtherVersion {
        /// Path or name of the plugin.
        name: String,
        /// The first import of another version.
        import: String,
    },
    /// It wants what no plugin of its world gets.
    #[error("plugin {name} imports {}, which is outside of the world {}", listed(imports), world.name())]
    OutsideContract {
        /// Path or name of the plugin.
        name: String,
        /// Its world.
        world: World,
        /// What it wants.
        imports: Vec<String>,
    },
    /// The compiler refuses it.
    #[error("plugin {name} cannot be compiled: {why}")]
    Compile {
        /// Path or name of the plugin.
        name: String,
        /// What the compiler said.
        why: String,
    },
    /// Names fit, types do not.
    #[error("plugin {name} does not fit version {CONTRACT_VERSION} of the contract: {why}")]
    Link {
        /// Path or name of the plugin.
        name: String,
        /// The first difference.
        why: String,
    },
    /// It failed while it was asked about itself.
    #[error("plugin {name} failed in `{call}`: {failure}")]
    Failed {
        /// Path or name of the plugin.
        name: String,
        /// The export that was called.
        call: &'static str,
        /// What happened.
        failure: PluginFailure,
    },
    /// What it says about itself cannot be used.
    #[error("plugin {name} declares {what}")]
    Declaration {
        /// Path or name of the plugin.
        name: String,
        /// What is wrong.
        what: String,
    },
}

/// Reads a component file, at most as much of it as is admitted.
///
/// # Errors
/// It is missing, cannot be read, or is larger than the limit.
pub fn read_component(path: &Path, limits: &PluginLimits) -> Result<Vec<u8>, LoadError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| LoadError::Unreadable {
        name: name.clone(),
        why: error.to_string(),
    };
    let limit = limits.component_bytes_max;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(LoadError::TooLarge {
            name,
            bytes: bytes.len(),
            limit,
        });
    }
    Ok(bytes)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
