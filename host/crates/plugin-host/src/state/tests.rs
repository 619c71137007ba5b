//! What the host charges to a guest.

use super::*;
use operator_data::Table;
use operator_data::tables::Column;

#[test]
fn tables_that_the_host_holds_are_charged_and_refunded() {
    let limits = CallLimits {
        host_table_bytes_max: 1_000,
        ..CallLimits::default()
    };
    let mut guest = GuestState::new(&limits);
    assert!(guest.charge(1_000).is_ok());
    assert!(guest.charge(1).is_err());
    guest.refund(600);
    assert!(guest.charge(600).is_ok() && guest.charge(1).is_err());
    let numbers = Column::Integers(vec![Some(1); 1_000]);
    let table = Table::from_columns("t", vec![("n", None, numbers)]).unwrap();
    assert!(
        guest.hold(Arc::new(table)).unwrap().is_err(),
        "a table that is derived is charged too"
    );
}

#[test]
fn work_of_the_host_is_bounded_by_rows_and_begins_anew_with_each_call() {
    let mut guest = GuestState::new(&CallLimits {
        host_rows_max: 10,
        ..CallLimits::default()
    });
    assert!(guest.work(10).is_ok() && guest.work(1).is_err());
    guest.begin_call(Timestamp(1));
    assert!(guest.work(10).is_ok());
    assert!(
        guest.work(usize::MAX).is_err(),
        "the count does not begin anew by overflowing"
    );
}
