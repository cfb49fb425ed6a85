package dev.reactiveevents.r2dbc;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Lets two drivers block where they do so by themselves: r2dbc-mariadb takes a lock for each command and each packet, and reads its
 * own version from its jar; r2dbc-mysql reads random numbers when it begins TLS.
 */
public final class DriversThatBlock implements BlockHoundIntegration {

    private static final String MARIADB_CLIENT = "org.mariadb.r2dbc.client.SimpleClient";

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside("io.asyncer.r2dbc.mysql.client.SslBridgeHandler", "userEventTriggered");
        builder.allowBlockingCallsInside("org.mariadb.r2dbc.util.VersionFactory$VersionFactoryHolder", "<clinit>");
        builder.allowBlockingCallsInside("org.mariadb.r2dbc.client.MariadbFrameDecoder", "decode");
        allMethods().forEach(method -> builder.allowBlockingCallsInside(MARIADB_CLIENT, method));
    }

    /** Its lambdas among them, whose names change from version to version. */
    private static Iterable<String> allMethods() {
        try {
            Class<?> client = Class.forName(MARIADB_CLIENT, false, DriversThatBlock.class.getClassLoader());
            return Arrays.stream(client.getDeclaredMethods())
                    .map(Method::getName)
                    .distinct()
                    .toList();
        } catch (ClassNotFoundException absent) { // in a module that uses these tests' classes and not that driver
            return List.of();
        }
    }
}
