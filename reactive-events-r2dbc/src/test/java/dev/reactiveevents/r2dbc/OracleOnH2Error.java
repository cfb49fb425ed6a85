package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.R2dbcException;

/** What Oracle would say: a number that the dialect knows, and a SQLSTATE that tells nothing. */
final class OracleOnH2Error extends R2dbcException {

    private static final long serialVersionUID = 1L;

    private OracleOnH2Error(String message, int code, Throwable cause) {
        super(message, "72000", code, cause);
    }

    static OracleOnH2Error numbered(int code, String message) {
        return new OracleOnH2Error("ORA-%05d: %s".formatted(code, message), code, null);
    }

    static Throwable of(Throwable failure) {
        if (failure instanceof OracleOnH2Error || !(failure instanceof R2dbcException told)) {
            return failure;
        }
        int code = switch (told.getErrorCode()) {
            case 23505 -> 1;
            case 50200 -> 54;
            case 40001 -> 60;
            case 90131 -> 8177;
            case 42101, 42111 -> 955;
            case 42102, 42103, 42104, 90079 -> 942;
            case 42122 -> 904;
            case 22001 -> 12899;
            case 90007, 90067, 90098, 90121 -> 17008;
            default -> 0;
        };
        if (code == 0) {
            return new AssertionError("H2 says what is not expected: " + told.getMessage(), told);
        }
        return new OracleOnH2Error("ORA-%05d: %s".formatted(code, told.getMessage()), code, told);
    }

    /** A block is compiled first, and says so. */
    static Throwable ofBlock(Throwable failure) {
        Throwable known = of(failure);
        return known instanceof OracleOnH2Error told && (told.getErrorCode() == 942 || told.getErrorCode() == 904)
                ? new OracleOnH2Error("ORA-06550: line 1, column 1:\nPL/SQL: " + told.getMessage(), 6550, told)
                : known;
    }
}
