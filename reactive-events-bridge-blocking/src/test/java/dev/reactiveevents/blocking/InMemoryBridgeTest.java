package dev.reactiveevents.blocking;

class InMemoryBridgeTest extends BridgeContract {

    @Override
    Stage stage() {
        return Stage.inMemory();
    }
}
