package dev.reactiveevents.examples.webflux;

/** An order as it is stored, published and shown. */
record Order(long id, String customer, String item, String status) {

    Order shipped() {
        return new Order(id, customer, item, "shipped");
    }
}
