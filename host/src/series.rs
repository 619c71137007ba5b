//! Arithmetic on collected time series: ingest, rates, quantiles.
