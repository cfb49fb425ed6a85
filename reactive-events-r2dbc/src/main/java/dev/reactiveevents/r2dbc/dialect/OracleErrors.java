package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.R2dbcException;

/**
 * What errors of Oracle mean, by their numbers: the driver's classes of exceptions and SQLSTATE do not tell, a connection that
 * is refused is of the same class as a wrong column.
 */
final class OracleErrors {

    private static final int DUPLICATE = 1;

    private OracleErrors() {}

    static boolean isDuplicate(R2dbcException failure) {
        return failure.getErrorCode() == DUPLICATE;
    }

    static Failure classify(R2dbcException failure) {
        return switch (failure.getErrorCode()) {
            // another has stored the id, or an event of this key is leased; locks and deadlocks; what was compiled has
            // changed
            case 1, 54, 60, 2049, 4020, 4021, 4061, 4065, 4068, 8177, 30006 -> Failure.CONFLICT;
            // a queue that is not there, or is of another kind
            case 904, 942, 4043, 24002, 24010, 24026, 24033, 24085, 24203, 25205, 25215, 25231 -> Failure.MISSING;
            case 6550 -> ofBlock(failure);
            case 1031, 1950, 1917, 1918, 1924, 41900 -> Failure.FORBIDDEN;
            case 1005, 1017, 1045, 28000, 28001, 28003 -> Failure.ACCESS;
            case 1400, 1401, 1438, 1461, 1722, 1841, 2290, 2291, 6502, 12899, 24190, 24816 -> Failure.DATA;
            case 28,
                    1012,
                    1033,
                    1034,
                    1089,
                    1092,
                    2396,
                    2399,
                    3113,
                    3114,
                    3135,
                    12154,
                    12170,
                    12505,
                    12514,
                    12516,
                    12518,
                    12519,
                    12520,
                    12528,
                    12537,
                    12541,
                    12547,
                    12560,
                    12570,
                    12571,
                    17002,
                    17008,
                    17410,
                    17800,
                    17868,
                    18714,
                    25408 -> Failure.DISCONNECTED;
            default -> SqlStates.classify(failure);
        };
    }

    /** A block is compiled first: all that it lacks is told by one error, and what it is by the others in its text. */
    private static Failure ofBlock(R2dbcException failure) {
        String message = failure.getMessage();
        if (message == null) {
            return Failure.REFUSED;
        }
        return message.contains("ORA-00942") || message.contains("ORA-00904")
                ? Failure.MISSING
                : message.contains("ORA-01031") || message.contains("PLS-00201") || message.contains("PLS-00904")
                        ? Failure.FORBIDDEN
                        : Failure.REFUSED;
    }
}
