//! Guests for tests, written as WebAssembly text against the canonical ABI and wrapped into real
//! components of our worlds. So a test can hand the host exactly the wrong thing.

use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// Where the data of a fixture begins; below it lies nothing.
const DATA_BASE: usize = 1_024;

/// A core module in text form: its data, and the parts of its functions.
pub struct Guest {
    world: &'static str,
    data: Vec<u8>,
    imports: String,
    functions: String,
    memory_pages: u32,
    realloc: String,
}

/// The allocator only ever moves up; no fixture lives long enough to need more.
const BUMP: &str =
    "(local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get 3)))
    (local.get $at)";

/// A world whose guests import WASI, as language runtimes do.
const CHECK_WITH_WASI: &str = "
    package test:runtime;
    world with-wasi {
        include operator:plugin/check@0.2.0;
        import wasi:random/random@0.2.6;
        import wasi:clocks/monotonic-clock@0.2.6;
    }
    package wasi:random@0.2.6 { interface random { get-random-u64: func() -> u64; } }
    package wasi:clocks@0.2.6 { interface monotonic-clock { now: func() -> u64; } }
";

/// One function body of WebAssembly text.
pub type Body = String;

impl Guest {
    fn new(world: &'static str) -> Self {
        Self {
            world,
            data: Vec::new(),
            imports: String::new(),
            functions: String::new(),
            memory_pages: 4,
            realloc: BUMP.to_owned(),
        }
    }

    /// A guest without any function.
    pub fn bare(world: &'static str) -> Self {
        Self::new(world)
    }

    /// Data that was placed, by its offset.
    pub fn placed(&self, start: usize, length: usize) -> Vec<u8> {
        self.data[start..start + length].to_vec()
    }

    /// Memory that the module starts with, in pages of 64 KiB.
    pub fn memory_pages(mut self, pages: u32) -> Self {
        self.memory_pages = pages;
        self
    }

    /// Does this instead when the host asks for memory. `body` sees `$at`.
    pub fn reallocates(mut self, body: &str) -> Self {
        body.clone_into(&mut self.realloc);
        self
    }

    /// Places bytes and gives their address.
    pub fn bytes(&mut self, bytes: &[u8]) -> u32 {
        while !self.data.len().is_multiple_of(8) {
            self.data.push(0);
        }
        let address = DATA_BASE + self.data.len();
        self.data.extend_from_slice(bytes);
        u32::try_from(address).unwrap()
    }

    /// Places a text and gives its address and length.
    pub fn text(&mut self, text: &str) -> [u32; 2] {
        [
            self.bytes(text.as_bytes()),
            u32::try_from(text.len()).unwrap(),
        ]
    }

    /// Places 32-bit words.
    pub fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(&bytes)
    }

    /// Adds an import, a function or a global, as text.
    pub fn with(&mut self, field: &str) {
        if field.trim_start().starts_with("(import") {
            self.imports.push_str(field);
        } else {
            self.functions.push_str(field);
        }
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        self.encode(StringEncoding::UTF8)
    }

    pub fn encode(&self, encoding: StringEncoding) -> Vec<u8> {
        let mut module = wat::parse_str(self.module_text()).unwrap();
        let (mut resolve, package) = contract();
        resolve.push_str("wasi.wit", CHECK_WITH_WASI).unwrap();
        let world = resolve.select_world(&[package], Some(self.world)).unwrap();
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding, false)
            .unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap()
            .encode()
            .unwrap()
    }

    fn module_text(&self) -> String {
        let data: String = self
            .data
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        let (imports, functions, pages) = (&self.imports, &self.functions, self.memory_pages);
        let realloc = &self.realloc;
        format!(
            r#"(module $fixture {imports}
                (memory (export "memory") {pages})
                (global $top (mut i32) (i32.const 131072))
                (func $cabi_realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                    {realloc})
                {functions}
                (data (i32.const {DATA_BASE}) "{data}"))"#
        )
    }
}

/// The contract as it stands in `wit/`.
pub fn contract() -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit"))
        .unwrap();
    (resolve, package)
}

/// A module with these checks (id and tables), that does this when it is asked to evaluate. `body`
/// sees the parameters of the canonical ABI: `$check $check_len $snapshot $has_state $state
/// $state_len`, and must leave the address of an outcome.
pub fn invariant(
    version: &str,
    checks: &[(&str, &[&str])],
    body: impl FnOnce(&mut Guest) -> Body,
) -> Guest {
    let mut guest = Guest::new("check");
    let declaration = declaration(&mut guest, version, checks);
    guest.with(&format!(
        r#"(func (export "declare") (param $config i32) (param $config_len i32) (result i32) (i32.const {declaration}))"#
    ));
    let body = body(&mut guest);
    guest.with(&format!(
        r#"(func $evaluate (export "evaluate") (param $check i32) (param $check_len i32) (param $snapshot i32)
            (param $has_state i32) (param $state i32) (param $state_len i32) (result i32) {body})"#
    ));
    guest
}

/// The same guest as a component of the world of guests that import WASI.
pub fn with_wasi(mut guest: Guest) -> Guest {
    guest.world = "test:runtime/with-wasi";
    guest
}

/// An invariant that hands the old state on when it is swapped in.
pub fn keeps_state(mut guest: Guest) -> Guest {
    guest.with(
        r#"(func (export "migrate") (param i32 i32 i32 i32 i32 i32) (result i32)
            (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
            (i32.store (i32.const 24) (local.get 4)) (i32.store (i32.const 28) (local.get 5)) (i32.const 16))"#,
    );
    guest
}

/// An invariant that traps when it is swapped in.
pub fn traps_in_migrate(mut guest: Guest) -> Guest {
    guest.with(
        r#"(func (export "migrate") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)"#,
    );
    guest
}

/// A module with one check `c` that reads no table.
pub fn one_check(body: impl FnOnce(&mut Guest) -> Body) -> Vec<u8> {
    keeps_state(invariant("1.0.0", &[("c", &[])], body)).component()
}

/// A module whose `declare` does this.
pub fn declares(body: &str) -> Vec<u8> {
    let mut guest = keeps_state(Guest::new("check"));
    guest.with(&format!(
        r#"(func $declare (export "declare") (param i32 i32) (result i32) {body})"#
    ));
    guest.with(
        r#"(func (export "evaluate") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)"#,
    );
    guest.component()
}

fn declaration(guest: &mut Guest, version: &str, checks: &[(&str, &[&str])]) -> u32 {
    let mut words = Vec::new();
    for (id, tables) in checks {
        let names: Vec<u32> = tables.iter().flat_map(|table| guest.text(table)).collect();
        let names = [guest.words(&names), u32::try_from(tables.len()).unwrap()];
        let (id, claim) = (guest.text(id), guest.text("all is well"));
        // id, claim, severity `warning` and padding, pending time of 0, tables.
        words.extend([
            id[0], id[1], claim[0], claim[1], 1, 0, 0, 0, names[0], names[1],
        ]);
    }
    let checks = [guest.words(&words), u32::try_from(checks.len()).unwrap()];
    let (name, version, summary) = (
        guest.text("fixture"),
        guest.text(version),
        guest.text("tests the host"),
    );
    guest.words(&[
        0, name[0], name[1], version[0], version[1], summary[0], summary[1], checks[0], checks[1],
    ])
}

/// An outcome as the canonical ABI lays it out.
#[derive(Default)]
pub struct OutcomeParts {
    /// 0 pass, 1 fail, 2 inconclusive, 3 not applicable.
    pub status: u32,
    /// Address and length of the summary or the reason.
    pub reason: [u32; 2],
    /// Address and number of violations. Only a failure has room for them.
    pub violations: [u32; 2],
    /// Address and number of entity sets.
    pub passed: [u32; 2],
    /// Address and length.
    pub state: Option<[u32; 2]>,
}

/// The arm of `verdict` that has violations.
const FAIL: u32 = 1;

/// Places an outcome and gives its address.
pub fn outcome(guest: &mut Guest, parts: &OutcomeParts) -> u32 {
    let mut words = vec![0, parts.status];
    words.extend(parts.reason);
    if parts.status == FAIL {
        words.extend(parts.violations);
        words.extend(parts.passed);
    } else {
        words.extend(parts.passed);
        words.extend([0, 0]);
    }
    words.push(u32::from(parts.state.is_some()));
    words.extend(parts.state.unwrap_or_default());
    guest.words(&words)
}

/// Places one entity set of this kind whose one key is empty, and gives its address.
pub fn entity_set(guest: &mut Guest, kind: [u32; 2]) -> u32 {
    let end = guest.words(&[0]);
    guest.words(&[kind[0], kind[1], 1, 0, 0, end, 1])
}

/// Bytes of a violation in a list.
pub const VIOLATION_BYTES: usize = 36;

/// One piece of evidence as the canonical ABI lays it out.
pub type EvidenceWords = [u32; 26];

/// Places one violation of `entity`, written as `kind/key`, with as many pieces of evidence.
pub fn violation(guest: &mut Guest, entity: &str, evidence: usize) -> u32 {
    let one = seven(guest);
    violation_with(guest, entity, &vec![one; evidence])
}

/// Places one violation of `entity`, written as `kind/key`, with this evidence.
pub fn violation_with(guest: &mut Guest, entity: &str, evidence: &[EvidenceWords]) -> u32 {
    let mut parts = entity.split('/');
    let kind = parts.next().unwrap_or_default();
    let kind = guest.text(kind);
    let key: Vec<u32> = parts.flat_map(|part| guest.text(part)).collect();
    let key = [guest.words(&key), u32::try_from(key.len() / 2).unwrap()];
    let summary = guest.text("it is\nbroken");
    let all = guest.words(&evidence.concat());
    let count = u32::try_from(evidence.len()).unwrap();
    // entity, summary, evidence, no severity of its own, not confirmed.
    guest.words(&[
        kind[0], kind[1], key[0], key[1], summary[0], summary[1], all, count, 0,
    ])
}

/// Evidence whose source is `other` and whose value is the integer 7.
fn seven(guest: &mut Guest) -> EvidenceWords {
    let source = guest.text("by hand");
    evidence_of(&[4, source[0], source[1]])
}

/// Evidence that refers to a cell, and claims that its value is the integer 7.
pub fn cell(guest: &mut Guest, table: &str, row: u32, column: &str) -> EvidenceWords {
    let table = guest.text(table);
    let column = guest.text(column);
    evidence_of(&[0, table[0], table[1], row, column[0], column[1]])
}

/// The source, in 13 words and one of padding; the value 7 in six; no unit and no expectation.
fn evidence_of(source: &[u32]) -> EvidenceWords {
    let mut words = [0; 26];
    words[..source.len()].copy_from_slice(source);
    words[14..].copy_from_slice(&[1, 0, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    words
}

/// The body of a check that passes with this reason.
pub fn passes(reason: &str) -> impl FnOnce(&mut Guest) -> Body {
    let reason = reason.to_owned();
    move |guest| {
        let reason = guest.text(&reason);
        let outcome = outcome(
            guest,
            &OutcomeParts {
                reason,
                ..OutcomeParts::default()
            },
        );
        format!("(i32.const {outcome})")
    }
}

/// A subject whose `observe` does this. `body` sees `$tick $deadline $targets $targets_len`.
pub fn subject(body: impl FnOnce(&mut Guest) -> Body) -> Guest {
    let mut guest = Guest::new("subject");
    describe_and_knowledge(&mut guest);
    guest.with(r#"(func (export "configure") (param i32 i32) (result i32) (i32.store8 (i32.const 16) (i32.const 0)) (i32.const 16))"#);
    let body = body(&mut guest);
    guest.with(&format!(
        r#"(func $observe (export "observe") (param $tick i64) (param $deadline i64) (param $targets i32)
            (param $targets_len i32) (result i32) {body})"#
    ));
    guest
}

/// Who it is, and that it knows nothing.
pub fn describe_and_knowledge(guest: &mut Guest) {
    let described = described(guest);
    let known = knows_nothing(guest);
    guest.with(&format!(
        r#"(func (export "describe") (result i32) {described})"#
    ));
    guest.with(&format!(
        r#"(func (export "knowledge") (result i32) {known})"#
    ));
}

/// The body of `describe`.
pub fn described(guest: &mut Guest) -> Body {
    let name = guest.text("watcher");
    let version = guest.text("1.0.0");
    let summary = guest.text("sees things");
    let info = guest.words(&[
        name[0], name[1], version[0], version[1], summary[0], summary[1],
    ]);
    format!("(i32.const {info})")
}

/// The body of `knowledge` that returns an empty base.
pub fn knows_nothing(guest: &mut Guest) -> Body {
    guest.with(
        r#"(import "operator:knowledge/builders@0.2.0" "[constructor]knowledge-base" (func $base (param i32 i32) (result i32)))"#,
    );
    let version = guest.text("1.0.0");
    format!(
        "(i32.store (i32.const 32) (i32.const 0))
         (i32.store (i32.const 36) (call $base (i32.const {}) (i32.const {})))
         (i32.const 32)",
        version[0], version[1]
    )
}

/// Places an observation of the system `system`, without tables and topology, and gives its address.
pub fn observation(guest: &mut Guest, system: &str) -> u32 {
    let system = guest.text(system);
    guest.words(&[0, system[0], system[1], 0, 0, 0, 0, 0, 0, 0, 0])
}

/// A minimal valid core module.
pub fn core_module() -> Vec<u8> {
    wat::parse_str("(module)").unwrap()
}

/// A component from text.
pub fn component_text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}
