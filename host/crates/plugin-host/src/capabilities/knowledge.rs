//! `builders`: what a subject's experts know, collected piece by piece. A handle that is added to another is
//! consumed: the host moves what stands behind it into its parent.

use crate::bindings::knowledge::commands::Step;
use crate::bindings::knowledge::{builders as wit, vocabulary as words};
use crate::bindings::types::types::Severity;
use crate::convert;
use crate::failure::PluginFailure;
use crate::limits::{KNOWLEDGE_BYTES_MAX, KNOWLEDGE_ITEMS_MAX};
use crate::state::GuestState;
use operator_model::knowledge::{
    Action, Direction, EvidenceRule, FailureMode, KnowledgeBase, OptionFit, Signal,
};
use operator_model::{FailureModeId, SignalId};
use wasmtime::Result;
use wasmtime::component::Resource;

/// What the host holds of the knowledge of one call.
#[derive(Debug, Default)]
pub(crate) struct KnowledgeSize {
    items: usize,
    bytes: usize,
}

impl KnowledgeSize {
    /// # Errors
    /// There is more than a subject may know.
    fn add(&mut self, bytes: usize) -> Result<()> {
        self.items += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        at_most("parts of the knowledge", self.items, KNOWLEDGE_ITEMS_MAX)?;
        at_most("bytes of the knowledge", self.bytes, KNOWLEDGE_BYTES_MAX)
    }
}

fn at_most(what: &str, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let what = what.to_owned();
    Err(PluginFailure::OutputTooLarge { what, size, limit }.into())
}

/// A value of the contract that this host cannot use.
fn nonsense(why: String) -> wasmtime::Error {
    PluginFailure::Nonsense(why).into()
}

impl GuestState {
    fn edit<T: 'static>(
        &mut self,
        this: &Resource<T>,
        bytes: usize,
        edit: impl FnOnce(&mut T),
    ) -> Result<()> {
        self.knowledge.add(bytes)?;
        edit(self.resources.get_mut(this)?);
        Ok(())
    }

    /// Moves a child into its parent.
    fn adopt<T: Send + 'static, C: 'static>(
        &mut self,
        parent: &Resource<T>,
        child: Resource<C>,
        adopt: impl FnOnce(&mut T, C),
    ) -> Result<()> {
        let child = self.resources.delete(child)?;
        self.edit(parent, 0, |parent| adopt(parent, child))
    }

    fn make<T: Send + 'static>(&mut self, bytes: usize, value: T) -> Result<Resource<T>> {
        self.knowledge.add(bytes)?;
        Ok(self.resources.push(value)?)
    }
}

impl wit::Host for GuestState {}

impl wit::HostSignal for GuestState {
    fn new(
        &mut self,
        id: String,
        entity_kind: String,
        source: words::SignalSource,
    ) -> Result<Resource<Signal>> {
        let source = convert::signal_source(source).map_err(nonsense)?;
        let bytes = id.len() + entity_kind.len() + convert::size_of_source(&source);
        let signal = Signal {
            title: id.clone(),
            id: SignalId(id),
            unit: String::new(),
            entity_kind,
            source,
            bad: Direction::Up,
            floor: 0.0,
        };
        self.make(bytes, signal)
    }

    fn set_title(&mut self, this: Resource<Signal>, title: String) -> Result<()> {
        self.edit(&this, title.len(), |signal| signal.title = title)
    }

    fn set_unit(&mut self, this: Resource<Signal>, unit: String) -> Result<()> {
        self.edit(&this, unit.len(), |signal| signal.unit = unit)
    }

    fn set_bad(&mut self, this: Resource<Signal>, direction: words::Direction) -> Result<()> {
        self.edit(&this, 0, |signal| signal.bad = direction.into())
    }

    fn set_floor(&mut self, this: Resource<Signal>, floor: f64) -> Result<()> {
        self.edit(&this, 0, |signal| signal.floor = floor)
    }

    fn drop(&mut self, this: Resource<Signal>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}

impl wit::HostEvidenceRule for GuestState {
    fn new(
        &mut self,
        id: String,
        scope: words::Scope,
        test: words::Test,
    ) -> Result<Resource<EvidenceRule>> {
        let test = operator_model::knowledge::Test::from(test);
        let bytes = 2 * id.len() + convert::size_of_test(&test);
        let rule = EvidenceRule {
            group: id.clone(),
            id,
            scope: scope.into(),
            test,
            ratio_if_true: 1.0,
            ratio_if_false: 1.0,
            explains: false,
            because: String::new(),
            because_not: String::new(),
            reference: String::new(),
        };
        self.make(bytes, rule)
    }

    fn set_likelihood_ratios(
        &mut self,
        this: Resource<EvidenceRule>,
        lr_positive: f64,
        lr_negative: f64,
    ) -> Result<()> {
        self.edit(&this, 0, |rule| {
            rule.ratio_if_true = lr_positive;
            rule.ratio_if_false = lr_negative;
        })
    }

    fn set_group(&mut self, this: Resource<EvidenceRule>, group: String) -> Result<()> {
        self.edit(&this, group.len(), |rule| rule.group = group)
    }

    fn set_explains(&mut self, this: Resource<EvidenceRule>, explains: bool) -> Result<()> {
        self.edit(&this, 0, |rule| rule.explains = explains)
    }

    fn set_because(&mut self, this: Resource<EvidenceRule>, because: String) -> Result<()> {
        self.edit(&this, because.len(), |rule| rule.because = because)
    }

    fn set_because_not(&mut self, this: Resource<EvidenceRule>, because_not: String) -> Result<()> {
        self.edit(&this, because_not.len(), |rule| {
            rule.because_not = because_not
        })
    }

    fn set_reference(&mut self, this: Resource<EvidenceRule>, reference: String) -> Result<()> {
        self.edit(&this, reference.len(), |rule| rule.reference = reference)
    }

    fn drop(&mut self, this: Resource<EvidenceRule>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}

impl wit::HostOptionFit for GuestState {
    fn new(&mut self, action: String, fitness: words::Fitness) -> Result<Resource<OptionFit>> {
        let fit = OptionFit {
            fitness: fitness.into(),
            because: String::new(),
            when: None,
            affects: Vec::new(),
            action,
        };
        self.make(fit.action.len(), fit)
    }

    fn set_because(&mut self, this: Resource<OptionFit>, because: String) -> Result<()> {
        self.edit(&this, because.len(), |fit| fit.because = because)
    }

    fn set_when(&mut self, this: Resource<OptionFit>, condition: words::RowTest) -> Result<()> {
        let condition = operator_model::knowledge::RowTest::from(condition);
        let bytes = convert::size_of_row_test(&condition);
        self.edit(&this, bytes, |fit| fit.when = Some(condition))
    }

    fn add_affected(
        &mut self,
        this: Resource<OptionFit>,
        entities: words::EntityPattern,
    ) -> Result<()> {
        let entities = operator_model::knowledge::EntityPattern::from(entities);
        let bytes = convert::size_of_pattern(&entities);
        self.edit(&this, bytes, |fit| fit.affects.push(entities))
    }

    fn drop(&mut self, this: Resource<OptionFit>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}

/// Prior of a failure mode that states none: the contract promises it.
const PRIOR: f64 = 0.01;

impl wit::HostFailureMode for GuestState {
    fn new(
        &mut self,
        id: String,
        entity_kind: String,
        severity: Severity,
    ) -> Result<Resource<FailureMode>> {
        let bytes = 2 * id.len() + entity_kind.len();
        let mode = FailureMode {
            title: id.clone(),
            id: FailureModeId(id),
            mechanism: String::new(),
            entity_kind,
            severity: severity.into(),
            prior: PRIOR,
            evidence: Vec::new(),
            rivals: Vec::new(),
            options: Vec::new(),
            revisit_when: String::new(),
        };
        self.make(bytes, mode)
    }

    fn set_title(&mut self, this: Resource<FailureMode>, title: String) -> Result<()> {
        self.edit(&this, title.len(), |mode| mode.title = title)
    }

    fn set_mechanism(&mut self, this: Resource<FailureMode>, mechanism: String) -> Result<()> {
        self.edit(&this, mechanism.len(), |mode| mode.mechanism = mechanism)
    }

    fn set_prior(&mut self, this: Resource<FailureMode>, prior: f64) -> Result<()> {
        self.edit(&this, 0, |mode| mode.prior = prior)
    }

    fn add_evidence(
        &mut self,
        this: Resource<FailureMode>,
        rule: Resource<EvidenceRule>,
    ) -> Result<()> {
        self.adopt(&this, rule, |mode, rule| mode.evidence.push(rule))
    }

    fn add_alternative(&mut self, this: Resource<FailureMode>, failure_mode: String) -> Result<()> {
        self.edit(&this, failure_mode.len(), |mode| {
            mode.rivals.push(FailureModeId(failure_mode));
        })
    }

    fn add_option(&mut self, this: Resource<FailureMode>, fit: Resource<OptionFit>) -> Result<()> {
        self.adopt(&this, fit, |mode, fit| mode.options.push(fit))
    }

    fn set_revisit_when(
        &mut self,
        this: Resource<FailureMode>,
        revisit_when: String,
    ) -> Result<()> {
        self.edit(&this, revisit_when.len(), |mode| {
            mode.revisit_when = revisit_when;
        })
    }

    fn drop(&mut self, this: Resource<FailureMode>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}

impl wit::HostAction for GuestState {
    fn new(&mut self, id: String, title: String, risk: words::Risk) -> Result<Resource<Action>> {
        let bytes = id.len() + title.len();
        let action = Action {
            id,
            title,
            effect: String::new(),
            risk: risk.into(),
            risk_note: String::new(),
            preconditions: Vec::new(),
            steps: Vec::new(),
            undo: Vec::new(),
        };
        self.make(bytes, action)
    }

    fn set_effect(&mut self, this: Resource<Action>, effect: String) -> Result<()> {
        self.edit(&this, effect.len(), |action| action.effect = effect)
    }

    fn set_risk_note(&mut self, this: Resource<Action>, note: String) -> Result<()> {
        self.edit(&this, note.len(), |action| action.risk_note = note)
    }

    fn add_precondition(&mut self, this: Resource<Action>, precondition: String) -> Result<()> {
        self.edit(&this, precondition.len(), |action| {
            action.preconditions.push(precondition);
        })
    }

    fn add_step(&mut self, this: Resource<Action>, step: Step) -> Result<()> {
        let step = convert::step(step);
        let bytes = convert::size_of_step(&step);
        self.edit(&this, bytes, |action| action.steps.push(step))
    }

    fn add_undo_step(&mut self, this: Resource<Action>, step: Step) -> Result<()> {
        let step = convert::step(step);
        let bytes = convert::size_of_step(&step);
        self.edit(&this, bytes, |action| action.undo.push(step))
    }

    fn drop(&mut self, this: Resource<Action>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}

impl wit::HostKnowledgeBase for GuestState {
    fn new(&mut self, version: String) -> Result<Resource<KnowledgeBase>> {
        let base = KnowledgeBase {
            version,
            ..KnowledgeBase::default()
        };
        self.make(base.version.len(), base)
    }

    fn add_signal(
        &mut self,
        this: Resource<KnowledgeBase>,
        signal: Resource<Signal>,
    ) -> Result<()> {
        self.adopt(&this, signal, |base, signal| base.signals.push(signal))
    }

    fn add_failure_mode(
        &mut self,
        this: Resource<KnowledgeBase>,
        failure_mode: Resource<FailureMode>,
    ) -> Result<()> {
        self.adopt(&this, failure_mode, |base, mode| base.cards.push(mode))
    }

    fn add_action(
        &mut self,
        this: Resource<KnowledgeBase>,
        action: Resource<Action>,
    ) -> Result<()> {
        self.adopt(&this, action, |base, action| base.actions.push(action))
    }

    fn add_attribute(
        &mut self,
        this: Resource<KnowledgeBase>,
        attribute: words::Attribute,
    ) -> Result<()> {
        let attribute = operator_model::knowledge::Attribute::from(attribute);
        let bytes = convert::size_of_attribute(&attribute);
        self.edit(&this, bytes, |base| base.attributes.push(attribute))
    }

    fn drop(&mut self, this: Resource<KnowledgeBase>) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}
