//! The last gate: every import of a component is joined to the capability of the same name and type,
//! once; what is not joined does not exist for it.

use crate::plugin::admit::{Admitted, World};
use crate::plugin::bindings::contract::{
    clock, http, http_types, knowledge, log, logs, metrics, observations, scraping, snapshots, tables, types,
};
use crate::plugin::bindings::invariant::{InvariantPre, operator::plugin::checks};
use crate::plugin::bindings::subject::SubjectPre;
use crate::plugin::engine::Engine;
use crate::plugin::load::{Compiled, LoadError};
use crate::plugin::state::{CheckState, GuestState, HasGuest};
use crate::plugin::subject::SubjectState;
use wasmtime::component::{HasSelf, InstancePre, Linker};

/// The capabilities of each world.
pub(crate) struct Linkers {
    subject: Linker<SubjectState>,
    check: Linker<CheckState>,
}

impl Linkers {
    pub(crate) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        Ok(Self { subject: subject_linker(engine)?, check: check_linker(engine)? })
    }
}

/// From bytes to something that can be instantiated as a subject.
pub(crate) fn link_subject(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
) -> Result<(SubjectPre<SubjectState>, crate::model::Digest), LoadError> {
    let compiled = compile_for(engine, name, bytes, World::Subject)?;
    let linked = instantiable(&engine.linkers().subject, name, &compiled)?;
    let linked = SubjectPre::new(linked).map_err(|error| misfit(name, &error))?;
    Ok((linked, compiled.digest))
}

/// From bytes to something that can be instantiated as a module of checks.
pub(crate) fn link_invariant(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
) -> Result<(InvariantPre<CheckState>, crate::model::Digest), LoadError> {
    let compiled = compile_for(engine, name, bytes, World::Invariant)?;
    let linked = instantiable(&engine.linkers().check, name, &compiled)?;
    let linked = InvariantPre::new(linked).map_err(|error| misfit(name, &error))?;
    Ok((linked, compiled.digest))
}

fn compile_for(engine: &Engine, name: &str, bytes: &[u8], wanted: World) -> Result<Compiled, LoadError> {
    let admitted = Admitted::new(name, bytes, engine.limits())?;
    // A script engine is an invariant module that can do more.
    if admitted.world != wanted && (admitted.world, wanted) != (World::ScriptEngine, World::Invariant) {
        return Err(LoadError::WrongWorld { name: name.to_owned(), found: admitted.world, wanted });
    }
    Compiled::new(engine, name, &admitted)
}

fn instantiable<T>(linker: &Linker<T>, name: &str, compiled: &Compiled) -> Result<InstancePre<T>, LoadError> {
    linker.instantiate_pre(&compiled.component).map_err(|error| misfit(name, &error))
}

fn misfit(name: &str, error: &wasmtime::Error) -> LoadError {
    LoadError::Link { name: name.to_owned(), why: format!("{error:#}") }
}

fn subject_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<SubjectState>> {
    let mut linker = Linker::new(engine);
    add_shared(&mut linker)?;
    clock::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    knowledge::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    observations::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    http_types::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    http::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    scraping::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    metrics::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    logs::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

fn check_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CheckState>> {
    let mut linker = Linker::new(engine);
    add_shared(&mut linker)?;
    checks::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    metrics::add_to_linker::<_, HasSelf<CheckState>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// What every world has.
fn add_shared<T: HasGuest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    tables::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    snapshots::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    log::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)
}
