//! How large the parts of a component are. A compiler is no sandbox: what would make it work for
//! minutes, or an instance fail before it begins, is refused here.

use crate::limits::CallLimits;
use wasmparser::{Parser, Payload};

/// Components and modules inside of one another. Adapters add one level each.
const NESTING_MAX: u64 = 8;

/// Core modules. An embedded Python with its libraries has 40.
const MODULES_MAX: u64 = 128;

/// Functions over all modules. An embedded Python has 30,000.
const FUNCTIONS_MAX: u64 = 200_000;

/// Types over all modules and components.
const TYPES_MAX: u64 = 100_000;

/// One function. Interpreter loops have 300 KB; the time that the compiler takes for one function
/// grows faster than the function.
const FUNCTION_BYTES_MAX: u64 = 1 << 20;

/// A page of a linear memory.
const PAGE_BYTES: u64 = 64 << 10;

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    nesting: u64,
    modules: u64,
    functions: u64,
    types: u64,
    largest_function_bytes: u64,
    /// Of the module that starts with most, over all its memories.
    memory_bytes: u64,
    /// Of the module that starts with most, over all its tables.
    table_elements: u64,
}

/// There is too much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Excess {
    pub(super) what: &'static str,
    pub(super) size: u64,
    pub(super) limit: u64,
}

/// The module that is being read.
#[derive(Default)]
struct Module {
    memory_bytes: u64,
    table_elements: u64,
}

impl Shape {
    /// Counts; the bytes are valid. Stops at a nesting that is too deep to be worth counting.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Excess> {
        let (mut shape, mut depth, mut module) = (Self::default(), 0_u64, Module::default());
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    shape.nesting = shape.nesting.max(depth);
                    shape.modules += u64::from(matches!(payload, Payload::ModuleSection { .. }));
                    module = Module::default();
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                other => shape.see(other, &mut module),
            }
            at_most("levels of nesting", shape.nesting, NESTING_MAX)?;
        }
        Ok(shape)
    }

    /// Compares with what is allowed.
    pub(super) fn check(&self, limits: &CallLimits) -> Result<(), Excess> {
        at_most("core modules", self.modules, MODULES_MAX)?;
        at_most("functions", self.functions, FUNCTIONS_MAX)?;
        at_most("types", self.types, TYPES_MAX)?;
        at_most(
            "bytes in one function",
            self.largest_function_bytes,
            FUNCTION_BYTES_MAX,
        )?;
        at_most(
            "bytes of memory at the start",
            self.memory_bytes,
            limits.memory_bytes_max as u64,
        )?;
        at_most(
            "table elements at the start",
            self.table_elements,
            limits.table_elements_max as u64,
        )
    }

    fn see(&mut self, payload: &Payload<'_>, module: &mut Module) {
        match payload {
            Payload::TypeSection(types) => self.types += u64::from(types.count()),
            Payload::ComponentTypeSection(types) => self.types += u64::from(types.count()),
            Payload::CoreTypeSection(types) => self.types += u64::from(types.count()),
            Payload::CodeSectionStart { count, .. } => self.functions += u64::from(*count),
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                self.largest_function_bytes = self.largest_function_bytes.max(bytes);
            }
            Payload::MemorySection(memories) => {
                let pages = memories
                    .clone()
                    .into_iter()
                    .flatten()
                    .map(|memory| memory.initial);
                module.memory_bytes = pages.fold(module.memory_bytes, add_pages);
            }
            Payload::TableSection(tables) => {
                let elements = tables
                    .clone()
                    .into_iter()
                    .flatten()
                    .map(|table| table.ty.initial);
                module.table_elements = elements.fold(module.table_elements, u64::saturating_add);
            }
            _ => {}
        }
        self.memory_bytes = self.memory_bytes.max(module.memory_bytes);
        self.table_elements = self.table_elements.max(module.table_elements);
    }
}

fn add_pages(bytes: u64, pages: u64) -> u64 {
    bytes.saturating_add(pages.saturating_mul(PAGE_BYTES))
}

fn at_most(what: &'static str, size: u64, limit: u64) -> Result<(), Excess> {
    if size <= limit {
        Ok(())
    } else {
        Err(Excess { what, size, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_testkit::guest::component_text;

    fn shape_of(text: &str) -> Result<Shape, Excess> {
        Shape::read(&component_text(text))
    }

    /// The text of what there is too much of.
    fn excess_of(text: &str) -> &'static str {
        let found = shape_of(text).and_then(|shape| shape.check(&CallLimits::default()));
        found.err().map_or("nothing", |excess| excess.what)
    }

    fn repeated(times: u64, part: &str) -> String {
        part.repeat(usize::try_from(times).unwrap())
    }

    #[test]
    fn parts_are_counted_over_all_modules_and_sizes_by_module() {
        let module = "(core module (memory 2) (memory 1) (table 5 funcref) (func) (func))";
        let shape = shape_of(&format!(
            "(component {module} (component {module} (core module (memory 1))))"
        ))
        .unwrap();
        assert_eq!((shape.nesting, shape.modules, shape.functions), (2, 3, 4));
        assert_eq!(
            (shape.memory_bytes, shape.table_elements),
            (3 * PAGE_BYTES, 5)
        );
        assert!(
            shape.types >= 2 && shape.largest_function_bytes >= 2,
            "{shape:?}"
        );
    }

    #[test]
    fn each_excess_is_named() {
        let nested = format!(
            "{}{}",
            repeated(NESTING_MAX + 2, "(component "),
            repeated(NESTING_MAX + 2, ")")
        );
        assert_eq!(excess_of(&nested), "levels of nesting");
        let modules = repeated(MODULES_MAX + 1, "(core module)");
        assert_eq!(excess_of(&format!("(component {modules})")), "core modules");
        let functions = repeated(FUNCTIONS_MAX + 1, "(func)");
        assert_eq!(
            excess_of(&format!("(component (core module {functions}))")),
            "functions"
        );
        let types = repeated(TYPES_MAX + 1, "(type (func))");
        assert_eq!(
            excess_of(&format!("(component (core module {types}))")),
            "types"
        );
        let body = repeated(FUNCTION_BYTES_MAX, "nop ");
        assert_eq!(
            excess_of(&format!("(component (core module (func {body})))")),
            "bytes in one function"
        );
        assert_eq!(
            excess_of("(component (core module (memory 1025)))"),
            "bytes of memory at the start"
        );
        assert_eq!(
            excess_of("(component (core module (table 40001 funcref)))"),
            "table elements at the start"
        );
        assert_eq!(
            excess_of("(component (core module (memory 1024) (table 40000 funcref) (func)))"),
            "nothing"
        );
    }
}
