package dev.reactiveevents.engine;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.StoreUpkeep;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;
import tools.jackson.databind.json.JsonMapper;

/** What is refused before a store is asked. */
class StoredDeadLettersTest {

    private static final StoreUpkeep STORE = answering(StoreUpkeep.class, null);
    private static final PayloadCodec CODEC =
            new PayloadCodec(JsonMapper.builder().build());

    /** Answers this to whatever it is asked. */
    private static <T> T answering(Class<T> type, Object answer) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> answer));
    }

    @Test
    @SuppressWarnings("NullAway")
    void whoGivesNoQueryIsRefused() {
        Upkeep upkeep = new Upkeep(answering(EventBackend.class, STORE), CODEC, channels -> {}, () -> false);
        DeadLetters dead = new StoredDeadLetters("orders", upkeep, CODEC);
        DeadLetterQuery none = null;

        StepVerifier.create(dead.browse(none)).verifyError(EventException.Invalid.class);
        StepVerifier.create(dead.count(none)).verifyError(EventException.Invalid.class);
        StepVerifier.create(dead.requeue(none)).verifyError(EventException.Invalid.class);
        StepVerifier.create(dead.purge(none)).verifyError(EventException.Invalid.class);
    }
}
