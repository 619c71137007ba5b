//! Hands knowledge to the host, noun by noun.

use super::{
    Action, EvidenceRule, FailureMode, KnowledgeBase, OptionFit, QuantileSource, SeriesSource,
    Signal, SignalSource,
};
use crate::bindings::subject::operator::knowledge::{builders, vocabulary};
use crate::query::nanoseconds;

impl KnowledgeBase {
    pub(crate) fn into_host(self) -> builders::KnowledgeBase {
        let base = builders::KnowledgeBase::new(&self.version);
        for signal in self.signals {
            base.add_signal(signal.into_host());
        }
        for mode in self.failure_modes {
            base.add_failure_mode(mode.into_host());
        }
        for action in self.actions {
            base.add_action(action.into_host());
        }
        for attribute in &self.attributes {
            base.add_attribute(attribute);
        }
        base
    }
}

impl Signal {
    fn into_host(self) -> builders::Signal {
        let signal = builders::Signal::new(&self.id, &self.entity_kind, &self.source.into_host());
        signal.set_title(&self.title);
        signal.set_unit(&self.unit);
        signal.set_bad(self.bad);
        signal.set_floor(self.floor);
        signal
    }
}

impl SignalSource {
    fn into_host(self) -> vocabulary::SignalSource {
        match self {
            Self::Series(SeriesSource {
                selector,
                reduction,
                window,
                by,
            }) => vocabulary::SignalSource::Series(vocabulary::SeriesSource {
                selector,
                reduction,
                window: nanoseconds(window),
                by,
            }),
            Self::Quantile(QuantileSource {
                quantile,
                selector,
                window,
                by,
            }) => vocabulary::SignalSource::Quantile(vocabulary::QuantileSource {
                quantile,
                selector,
                window: nanoseconds(window),
                by,
            }),
            Self::Column(source) => vocabulary::SignalSource::Column(source),
        }
    }
}

impl FailureMode {
    fn into_host(self) -> builders::FailureMode {
        let mode = builders::FailureMode::new(&self.id, &self.entity_kind, self.severity);
        mode.set_title(&self.title);
        mode.set_mechanism(&self.mechanism);
        mode.set_prior(self.prior);
        mode.set_revisit_when(&self.revisit_when);
        for rule in self.evidence {
            mode.add_evidence(rule.into_host());
        }
        for alternative in &self.alternatives {
            mode.add_alternative(alternative);
        }
        for option in self.options {
            mode.add_option(option.into_host());
        }
        mode
    }
}

impl EvidenceRule {
    fn into_host(self) -> builders::EvidenceRule {
        let rule = builders::EvidenceRule::new(&self.id, self.scope, &self.test);
        rule.set_likelihood_ratios(self.lr_positive, self.lr_negative);
        rule.set_group(&self.group);
        rule.set_explains(self.explains);
        rule.set_because(&self.because);
        if !self.because_not.is_empty() {
            rule.set_because_not(&self.because_not);
        }
        rule.set_reference(&self.reference);
        rule
    }
}

impl OptionFit {
    fn into_host(self) -> builders::OptionFit {
        let option = builders::OptionFit::new(&self.action, self.fitness);
        option.set_because(&self.because);
        if let Some(condition) = &self.when {
            option.set_when(condition);
        }
        for pattern in &self.affects {
            option.add_affected(pattern);
        }
        option
    }
}

impl Action {
    fn into_host(self) -> builders::Action {
        let action = builders::Action::new(&self.id, &self.title, self.risk);
        action.set_effect(&self.effect);
        action.set_risk_note(&self.risk_note);
        for precondition in &self.preconditions {
            action.add_precondition(precondition);
        }
        for step in &self.steps {
            action.add_step(step);
        }
        for step in &self.undo {
            action.add_undo_step(step);
        }
        action
    }
}
