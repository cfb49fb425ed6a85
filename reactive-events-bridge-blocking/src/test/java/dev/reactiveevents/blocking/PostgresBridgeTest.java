package dev.reactiveevents.blocking;

class PostgresBridgeTest extends BridgeContract {

    @Override
    Stage stage() {
        return Stage.postgres();
    }
}
