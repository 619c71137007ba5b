use super::*;

fn rule(table: &str, hook: &str) -> Rule {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Rule {
        table: table.into(),
        hook: hook.into(),
        matching: texts(&["-d", "10.0.0.2"]),
        target: texts(&["DROP"]),
    }
}

#[test]
fn each_table_gets_one_commit_and_each_hook_a_chain_of_its_own() {
    let text = additions(
        "1a2b3c4d",
        &[
            rule("filter", "OUTPUT"),
            rule("filter", "INPUT"),
            rule("mangle", "POSTROUTING"),
        ],
    );
    assert_eq!(
        text,
        "*filter\n:CHAOS-1a2b3c4d-IN - [0:0]\n:CHAOS-1a2b3c4d-OU - [0:0]\n\
         -A CHAOS-1a2b3c4d-IN -d 10.0.0.2 -j DROP\n-I INPUT 1 -j CHAOS-1a2b3c4d-IN\n\
         -A CHAOS-1a2b3c4d-OU -d 10.0.0.2 -j DROP\n-I OUTPUT 1 -j CHAOS-1a2b3c4d-OU\nCOMMIT\n\
         *mangle\n:CHAOS-1a2b3c4d-PO - [0:0]\n-A CHAOS-1a2b3c4d-PO -d 10.0.0.2 -j DROP\n\
         -I POSTROUTING 1 -j CHAOS-1a2b3c4d-PO\nCOMMIT\n"
    );
}

#[test]
fn removal_takes_what_belongs_to_the_injection_and_nothing_else() {
    let saved = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:CHAOS-1a2b3c4d-OU - [0:0]\n:CHAOS-ffffffff-OU - [0:0]\n\
                 -A OUTPUT -j CHAOS-1a2b3c4d-OU\n-A OUTPUT -j CHAOS-ffffffff-OU\n-A OUTPUT -d 1.1.1.1/32 -j DROP\n\
                 -A CHAOS-1a2b3c4d-OU -d 10.0.0.2/32 -j DROP\nCOMMIT\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
    assert_eq!(
        removals("1a2b3c4d", saved),
        "*filter\n-D OUTPUT -j CHAOS-1a2b3c4d-OU\n-F CHAOS-1a2b3c4d-OU\n-X CHAOS-1a2b3c4d-OU\nCOMMIT\n"
    );
    assert_eq!(removals("00000000", saved), "");
}

#[test]
fn a_handle_is_never_one_of_the_kernels_own() {
    assert_eq!(handle("0000aaaa"), "1:");
    assert_eq!(handle("ffff0000"), "fffe:");
    assert_eq!(handle("1a2b3c4d"), "1a2b:");
}
