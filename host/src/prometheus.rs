//! PromQL through a configured Prometheus.
