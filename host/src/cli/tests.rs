use super::*;

#[test]
fn the_command_line_is_well_formed() {
    help::grouped(Cli::command()).debug_assert();
}

#[test]
fn every_command_is_in_exactly_one_group_of_the_help() {
    let command = Cli::command();
    let mut known: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let mut grouped: Vec<&str> = help::GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    known.sort_unstable();
    grouped.sort_unstable();
    assert_eq!(grouped, known);
}

#[test]
fn every_flag_says_what_it_does() {
    fn walk(command: &clap::Command) {
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}
