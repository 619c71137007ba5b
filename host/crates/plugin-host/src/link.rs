//! The last gate: every import of a component is joined to the capability of the same name and type,
//! once; what is not joined does not exist for it.

use crate::admit::{Admitted, World};
use crate::bindings::checks::{findings, frozen_series, snapshots};
use crate::bindings::knowledge::{builders, commands, vocabulary};
use crate::bindings::observe::{observations, topology};
use crate::bindings::probe::probes;
use crate::bindings::subject::SubjectPre;
use crate::bindings::tables::tables;
use crate::bindings::telemetry::{
    clock, http, http_types, log, logs, promql, scraped_series, scraping,
};
use crate::bindings::types::{gaps, selectors, types};
use crate::compile::Compiled;
use crate::engine::Engine;
use crate::invariant::InvariantPre;
use crate::load::LoadError;
use crate::state::{CheckState, GuestState, HasGuest};
use crate::subject::SubjectState;
use crate::trust::{Trust, Trusted};
use operator_model::Digest;
use wasmtime::component::{HasSelf, InstancePre, Linker};

/// The capabilities of each world.
pub(crate) struct Linkers {
    subject: Linker<SubjectState>,
    check: Linker<CheckState>,
}

impl Linkers {
    pub(crate) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            subject: subject_linker(engine)?,
            check: check_linker(engine)?,
        })
    }
}

/// A component whose imports are joined. Only [`Linked::subject`] and [`Linked::invariant`] make one,
/// and every step before leaves no other way here: [`Admitted`] → [`Trusted`] → [`Compiled`] → linked.
pub(crate) struct Linked<P> {
    world: P,
    digest: Digest,
    trust: Trust,
}

impl Linked<SubjectPre<SubjectState>> {
    /// From bytes to something that can be instantiated as a subject.
    pub(crate) async fn subject(
        engine: &Engine,
        name: &str,
        bytes: &[u8],
    ) -> Result<Self, LoadError> {
        let compiled = compiled(engine, name, bytes, World::Subject).await?;
        let world = instantiable(&engine.linkers().subject, name, &compiled)?;
        let world = SubjectPre::new(world).map_err(|error| misfit(name, &error))?;
        Ok(Self::new(world, &compiled))
    }
}

impl Linked<InvariantPre> {
    /// From bytes to something that can be instantiated as a module of checks.
    pub(crate) async fn invariant(
        engine: &Engine,
        name: &str,
        bytes: &[u8],
    ) -> Result<Self, LoadError> {
        let compiled = compiled(engine, name, bytes, World::Check).await?;
        let world = instantiable(&engine.linkers().check, name, &compiled)?;
        let world = InvariantPre::new(world).map_err(|error| misfit(name, &error))?;
        Ok(Self::new(world, &compiled))
    }
}

impl<P> Linked<P> {
    fn new(world: P, compiled: &Compiled) -> Self {
        Self {
            world,
            digest: compiled.digest().clone(),
            trust: compiled.trust().clone(),
        }
    }

    /// What instances are made of.
    pub(crate) fn world(&self) -> &P {
        &self.world
    }

    /// sha256 of the component's bytes.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Why it may run.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

async fn compiled(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
    wanted: World,
) -> Result<Compiled, LoadError> {
    let admitted = Admitted::new(name, bytes, engine.limits())?;
    let found = admitted.world();
    if found.base() != wanted {
        return Err(LoadError::WrongWorld {
            name: name.to_owned(),
            found,
            wanted,
        });
    }
    let trusted = Trusted::new(engine.trust(), name, admitted)?;
    Compiled::new(engine, name, &trusted).await
}

fn instantiable<T>(
    linker: &Linker<T>,
    name: &str,
    compiled: &Compiled,
) -> Result<InstancePre<T>, LoadError> {
    linker
        .instantiate_pre(compiled.component())
        .map_err(|error| misfit(name, &error))
}

fn misfit(name: &str, error: &wasmtime::Error) -> LoadError {
    LoadError::Link {
        name: name.to_owned(),
        why: format!("{error:#}"),
    }
}

fn subject_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<SubjectState>> {
    let mut linker = Linker::new(engine);
    add_shared(&mut linker)?;
    clock::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    vocabulary::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    commands::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    builders::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    topology::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    probes::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    observations::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    http_types::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    http::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    scraping::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    scraped_series::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    promql::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    logs::add_to_linker::<_, HasSelf<SubjectState>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

fn check_linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CheckState>> {
    let mut linker = Linker::new(engine);
    add_shared(&mut linker)?;
    snapshots::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    findings::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, HasGuest::guest)?;
    frozen_series::add_to_linker::<_, HasSelf<CheckState>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// What every world has.
fn add_shared<T: HasGuest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    gaps::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    selectors::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    tables::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)?;
    log::add_to_linker::<_, HasSelf<GuestState>>(linker, HasGuest::guest)
}
