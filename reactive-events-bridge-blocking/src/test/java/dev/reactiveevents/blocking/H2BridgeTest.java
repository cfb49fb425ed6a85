package dev.reactiveevents.blocking;

class H2BridgeTest extends BridgeContract {

    @Override
    Stage stage() {
        return Stage.h2();
    }
}
