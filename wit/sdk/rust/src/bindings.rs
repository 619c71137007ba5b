//! What wit-bindgen makes of the contract. Authors use the words that `lib.rs` re-exports.
//!
//! A component must import its own world and nothing else, so each world is a feature. With both of them (in tests,
//! never in a component) they share their types.
#![allow(unsafe_code, reason = "the generated code speaks the component ABI")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "generated; the documentation is in the .wit files"
)]

#[cfg(not(any(feature = "subject", feature = "invariant")))]
compile_error!("choose what to write: feature `subject` or feature `invariant` of operator-plugin");

#[cfg(all(feature = "subject", feature = "invariant", target_arch = "wasm32"))]
compile_error!(
    "a component has one world: feature `subject` or feature `invariant` of operator-plugin, not both"
);

/// The world of invariants.
#[cfg(feature = "invariant")]
pub mod invariant {
    wit_bindgen::generate!({
        world: "invariant",
        path: "../..",
        pub_export_macro: true,
        export_macro_name: "export_invariant_world",
        default_bindings_module: "operator_plugin::bindings::invariant",
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// The world of subjects.
#[cfg(all(feature = "subject", not(feature = "invariant")))]
pub mod subject {
    wit_bindgen::generate!({
        world: "subject",
        path: "../..",
        pub_export_macro: true,
        export_macro_name: "export_subject_world",
        default_bindings_module: "operator_plugin::bindings::subject",
        additional_derives: [PartialEq],
        additional_derives_ignore: ["observation"],
        generate_all,
    });
}

/// The world of subjects.
#[cfg(all(feature = "subject", feature = "invariant"))]
pub mod subject {
    wit_bindgen::generate!({
        world: "subject",
        path: "../..",
        pub_export_macro: true,
        export_macro_name: "export_subject_world",
        default_bindings_module: "operator_plugin::bindings::subject",
        additional_derives: [PartialEq],
        additional_derives_ignore: ["observation"],
        generate_all,
        with: {
            "operator:plugin/types@0.1.0": crate::bindings::shared::types,
            "operator:plugin/tables@0.1.0": crate::bindings::shared::tables,
            "operator:plugin/snapshots@0.1.0": crate::bindings::shared::snapshots,
            "operator:plugin/metrics@0.1.0": crate::bindings::shared::metrics,
            "operator:plugin/log@0.1.0": crate::bindings::shared::log,
        },
    });
}

/// The interfaces that both worlds use.
pub mod shared {
    #[cfg(feature = "invariant")]
    pub use super::invariant::operator::plugin::{log, metrics, snapshots, tables, types};
    #[cfg(not(feature = "invariant"))]
    pub use super::subject::operator::plugin::{log, metrics, snapshots, tables, types};
}
