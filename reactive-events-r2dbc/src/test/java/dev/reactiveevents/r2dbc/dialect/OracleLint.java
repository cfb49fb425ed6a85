package dev.reactiveevents.r2dbc.dialect;

import io.debezium.antlr.CaseChangingCharStream;
import io.debezium.ddl.parser.oracle.generated.PlSqlLexer;
import io.debezium.ddl.parser.oracle.generated.PlSqlParser;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.antlr.v4.runtime.BaseErrorListener;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Recognizer;

/**
 * Looks through a text for Oracle without a server: by a grammar of PL/SQL, and by rules for what a grammar lets through. It
 * knows the columns of our tables and nothing of anybody else's; our texts write keywords in capitals, and names not.
 */
public final class OracleLint {

    private static final Set<String> COLUMNS = Set.of(
            "seq",
            "event_id",
            "channel",
            "type",
            "event_key",
            "payload",
            "metadata",
            "status",
            "attempts",
            "lapses",
            "lease_token",
            "leased_by",
            "deliver_at",
            "available_at",
            "created_at",
            "settled_at",
            "last_error",
            "lane",
            "lane_at",
            "key_lane",
            "held_key",
            "suspect_of",
            "task",
            "version");

    private static final Set<String> VIEWS = Set.of(
            "all_queues",
            "owner",
            "name",
            "enqueue_enabled",
            "dequeue_enabled",
            "dual",
            "product_component_version",
            "product",
            "nls_session_parameters",
            "parameter",
            "value");

    /** What may stand before a parenthesis. The grammar takes any word there for a function. */
    private static final Set<String> BEFORE_PARENTHESES = Set.of(
            // functions
            "CAST",
            "CEIL",
            "COALESCE",
            "COUNT",
            "EXTRACT",
            "GREATEST",
            "HEXTORAW",
            "INSTR",
            "LEAST",
            "MAX",
            "MIN",
            "NUMTODSINTERVAL",
            "SUBSTR",
            "SYS_CONTEXT",
            "SYS_EXTRACT_UTC",
            "TO_CHAR",
            "TO_CLOB",
            "TO_NUMBER",
            "TRIM",
            // types and the rest
            "AND",
            "AS",
            "BY",
            "DAY",
            "EXCEPTION_INIT",
            "EXISTS",
            "FROM",
            "IDENTITY",
            "IN",
            "INSERT",
            "KEY",
            "NUMBER",
            "ON",
            "OR",
            "RAW",
            "SECOND",
            "SELECT",
            "TIMESTAMP",
            "USING",
            "VALUES",
            "VARCHAR2",
            "WHERE");

    /** Words of SQL that cannot name a bind. */
    private static final Set<String> RESERVED = Set.of(
            "access",
            "add",
            "all",
            "alter",
            "and",
            "any",
            "as",
            "asc",
            "between",
            "by",
            "char",
            "check",
            "column",
            "comment",
            "connect",
            "create",
            "current",
            "date",
            "default",
            "delete",
            "desc",
            "distinct",
            "else",
            "exists",
            "file",
            "float",
            "for",
            "from",
            "grant",
            "group",
            "having",
            "identified",
            "in",
            "index",
            "initial",
            "insert",
            "integer",
            "into",
            "is",
            "level",
            "like",
            "limit",
            "lock",
            "long",
            "mode",
            "not",
            "null",
            "number",
            "of",
            "offline",
            "on",
            "online",
            "option",
            "or",
            "order",
            "prior",
            "public",
            "raw",
            "resource",
            "row",
            "rowid",
            "rownum",
            "rows",
            "select",
            "session",
            "set",
            "share",
            "size",
            "start",
            "synonym",
            "sysdate",
            "table",
            "then",
            "to",
            "trigger",
            "type",
            "uid",
            "union",
            "unique",
            "update",
            "user",
            "validate",
            "values",
            "view",
            "where",
            "with");

    private static final Pattern QUOTED_TEXT = Pattern.compile("q'\\[(.*?)]'", Pattern.DOTALL);
    private static final Pattern COMMENT = Pattern.compile("--[^\n]*|/\\*.*?\\*/", Pattern.DOTALL);
    private static final Pattern LITERAL = Pattern.compile("q'\\[.*?]'|'[^']*'", Pattern.DOTALL);
    private static final Pattern QUOTED_NAME = Pattern.compile("\"[^\"]*\"");
    private static final Pattern BIND = Pattern.compile("(?<![a-z]):([a-zA-Z_][a-zA-Z0-9_]*)");
    private static final Pattern NAME = Pattern.compile("(?<![:A-Za-z0-9_])[a-z_][a-z0-9_]*");
    private static final Pattern CALL = Pattern.compile("([A-Za-z_][A-Za-z0-9_.]*)\\s*\\(");
    private static final Pattern ATTRIBUTE = Pattern.compile("%([A-Z]+)");

    /** Each has a name in its first or second group. */
    private static final List<Pattern> DEFINITIONS = List.of(
            Pattern.compile("^\\s*(?:TYPE |CURSOR )?([lcet]_[a-z_]+)\\s+(?:[A-Z]|t_)", Pattern.MULTILINE),
            Pattern.compile("\\bAS ([a-z_]+)"),
            Pattern.compile(
                    "(?:\"|\\)|\\b(?:walk|all_queues|product_component_version|nls_session_parameters)) ([a-z_]+)(?=\\s|\\)|$)"),
            Pattern.compile("\\b(walk) \\("),
            Pattern.compile("\\b(step)\\) AS"),
            Pattern.compile("\\b(?:FORALL|FOR) ([a-z]) IN"));

    private OracleLint() {}

    /** What is wrong with a text; nothing, if nothing was found. */
    public static List<String> findings(String sql) {
        List<String> findings = new ArrayList<>(syntax(sql));
        String text = LITERAL.matcher(COMMENT.matcher(sql).replaceAll(" "))
                .replaceAll(literal -> literal.group().equals("''") ? "''" : "'0'");
        String code = QUOTED_NAME.matcher(text).replaceAll("\"\"");
        boolean block = code.strip().matches("(?s)(DECLARE|BEGIN)\\b.*");
        if (block && !code.strip().endsWith("END;")) {
            findings.add("A block ends with END;, and nothing behind it.");
        }
        if (!block && code.contains(";")) {
            findings.add("Plain SQL has no semicolon.");
        }
        binds(code, block, findings);
        findings.addAll(OracleQueueLint.findings(code));
        names(OracleQueueLint.without(code), findings);
        calls(code, findings);
        shapes(code, findings);
        QUOTED_TEXT.matcher(sql).results().forEach(found -> findings.addAll(findings(found.group(1))));
        return findings;
    }

    private static List<String> syntax(String sql) {
        List<String> findings = new ArrayList<>();
        BaseErrorListener listener = new BaseErrorListener() {
            @Override
            public void syntaxError(
                    Recognizer<?, ?> recognizer,
                    Object symbol,
                    int line,
                    int column,
                    String message,
                    RecognitionException failure) {
                findings.add("Line " + line + ":" + column + " " + message);
            }
        };
        PlSqlLexer lexer = new PlSqlLexer(new CaseChangingCharStream(CharStreams.fromString(sql), true));
        lexer.removeErrorListeners();
        lexer.addErrorListener(listener);
        PlSqlParser parser = new PlSqlParser(new CommonTokenStream(lexer));
        ((Parser) parser).removeErrorListeners();
        parser.addErrorListener(listener);
        parser.sql_script();
        return findings;
    }

    private static void binds(String code, boolean block, List<String> findings) {
        Set<String> seen = new HashSet<>();
        BIND.matcher(code).results().map(found -> found.group(1)).forEach(name -> {
            if (!seen.add(name) && block) {
                findings.add("In a block :" + name + " can be bound once.");
            }
            if (RESERVED.contains(name.toLowerCase(Locale.ROOT))) {
                findings.add("No bind can be named :" + name + ".");
            }
        });
    }

    private static void names(String code, List<String> findings) {
        Set<String> known = new HashSet<>(COLUMNS);
        known.addAll(VIEWS);
        DEFINITIONS.forEach(definition -> definition
                .matcher(code)
                .results()
                .map(found -> found.group(1))
                .filter(name -> !name.matches("[lcet]_.*") || definition == DEFINITIONS.get(0))
                .forEach(known::add));
        NAME.matcher(code)
                .results()
                .map(found -> found.group())
                .filter(name -> !known.contains(name))
                .distinct()
                .forEach(name -> findings.add("Nothing is named " + name + "."));
        ATTRIBUTE
                .matcher(code)
                .results()
                .map(found -> found.group(1))
                .filter(name -> !Set.of("FOUND", "ROWCOUNT").contains(name))
                .forEach(name -> findings.add("No attribute is named %" + name + "."));
    }

    private static void calls(String code, List<String> findings) {
        CALL.matcher(code)
                .results()
                .map(found -> found.group(1))
                .filter(word -> !word.matches("[a-z_]+") && !word.contains(".") && !BEFORE_PARENTHESES.contains(word))
                .distinct()
                .forEach(word -> findings.add("Nothing that is called is named " + word + "."));
    }

    /** What is wrong, though many a parser takes it. */
    private static void shapes(String code, List<String> findings) {
        Stream.of(
                        shape("\\b(FETCH FIRST|ROWNUM)\\b.*\\bFOR UPDATE\\b", "No limit goes with FOR UPDATE."),
                        shape("(?<!:)[=<>]\\s*''", "An empty text is null, and nothing is compared with that."),
                        shape("(SELECT|,)\\s*(NOT )?EXISTS", "A truth is no column."),
                        shape("(?<!=> )\\b(TRUE|FALSE|BOOLEAN)\\b", "SQL has no truths."),
                        shape("= >", "An arrow has no blank in it."),
                        shape("\"\" AS\\b", "No AS stands before the alias of a table."),
                        shape(
                                "\\b(NOW|INTERVAL :|FORCE INDEX|RECURSIVE|IF NOT EXISTS)\\b",
                                "That is of another database."))
                .filter(shape -> shape.pattern().matcher(code).find())
                .forEach(shape -> findings.add(shape.what()));
    }

    private record Shape(Pattern pattern, String what) {}

    private static Shape shape(String pattern, String what) {
        return new Shape(Pattern.compile(pattern, Pattern.DOTALL), what);
    }
}
