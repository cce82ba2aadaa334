"""The whole host on faulty files in virtual time: it works, dies at any call, recovers, and goes on."""
