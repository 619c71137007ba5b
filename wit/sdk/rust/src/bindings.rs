//! What wit-bindgen makes of the contract. Authors use the words that `lib.rs` re-exports.
//!
//! A component must import its own world and nothing else, so each world is a feature. With several of them (in
//! tests, never in a component) they share their types.
#![allow(unsafe_code, reason = "the generated code speaks the component ABI")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "generated; the documentation is in the .wit files"
)]

#[cfg(not(any(feature = "subject", feature = "check")))]
compile_error!("choose a world: feature `subject`, `prober` or `check` of operator-plugin");

#[cfg(all(feature = "subject", feature = "check", target_arch = "wasm32"))]
compile_error!(
    "a component has one world: feature `subject` (or `prober`) or feature `check` of operator-plugin, not both"
);

/// The world of check plugins.
#[cfg(feature = "check")]
pub mod check {
    wit_bindgen::generate!({
        world: "check",
        path: "../..",
        pub_export_macro: true,
        export_macro_name: "export_check_world",
        default_bindings_module: "operator_plugin::bindings::check",
        additional_derives: [PartialEq],
        generate_all,
    });
}

#[cfg(feature = "subject")]
macro_rules! subject_world {
    ($world:tt, { $($shared:tt)* }) => {
        wit_bindgen::generate!({
            world: $world,
            path: "../..",
            pub_export_macro: true,
            export_macro_name: "export_subject_world",
            default_bindings_module: "operator_plugin::bindings::subject",
            additional_derives: [PartialEq],
            additional_derives_ignore: ["observation", "probe-result"],
            generate_all,
            with: { $($shared)* },
        });
    };
}

#[cfg(all(feature = "subject", feature = "check"))]
macro_rules! subject_world_next_to_check {
    ($world:tt) => {
        subject_world!($world, {
            "operator:types/types@0.2.0": crate::bindings::shared::types,
            "operator:types/gaps@0.2.0": crate::bindings::shared::gaps,
            "operator:types/selectors@0.2.0": crate::bindings::shared::selectors,
            "operator:tables/tables@0.2.0": crate::bindings::shared::tables,
            "operator:telemetry/log@0.2.0": crate::bindings::shared::log,
        });
    };
}

/// The world of subject plugins, with probes where the feature `prober` is on.
#[cfg(feature = "subject")]
pub mod subject {
    #[cfg(all(feature = "check", feature = "prober"))]
    subject_world_next_to_check!("prober");
    #[cfg(all(feature = "check", not(feature = "prober")))]
    subject_world_next_to_check!("subject");
    #[cfg(all(not(feature = "check"), feature = "prober"))]
    subject_world!("prober", {});
    #[cfg(all(not(feature = "check"), not(feature = "prober")))]
    subject_world!("subject", {});
}

/// The interfaces that all worlds use.
pub mod shared {
    #[cfg(feature = "check")]
    use super::check::operator;
    #[cfg(not(feature = "check"))]
    use super::subject::operator;

    pub use operator::tables::tables;
    pub use operator::telemetry::log;
    pub use operator::types::{gaps, selectors, types};
}
