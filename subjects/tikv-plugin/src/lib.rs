use operator_plugin::{KnowledgeBase, Observation, ObserveContext, PluginError, PluginInfo, Subject, World, Topology, table};
struct Tikv;
impl Subject for Tikv {
    fn describe() -> PluginInfo { PluginInfo { name: "tikv".into(), version: "0.1.0".into(), summary: "x".into() } }
    fn configure(_: &str) -> Result<Self, PluginError> { Ok(Self) }
    fn observe(&mut self, world: &mut dyn World, _: &ObserveContext) -> Result<Observation, PluginError> {
        world.send_all(&[]);
        Ok(Observation { system: String::new(), tables: vec![table("stores").texts("a", ["b".to_owned()])], topology: Topology { entities: vec![], edges: vec![] }, blind: vec![] })
    }
    fn knowledge(&self) -> Result<KnowledgeBase, PluginError> { Ok(KnowledgeBase { version: String::new(), signals: vec![], cards: vec![], actions: vec![], attributes: vec![] }) }
}
operator_plugin::export_subject!(Tikv);
