"""English texts of one word up to as many as the model reads, and questions with answers."""

SENTENCES = [
    "The ferry leaves at seven, unless the fog is thick.",
    "Nobody had told the gardener that the roses were made of paper.",
    "A prime number has exactly two divisors: one, and itself.",
    "Rates rose by a quarter of a point, and the pound fell against the dollar.",
    "If the pressure drops below 2.5 bar, close the valve and call an engineer.",
    "She'd read the letter twice before she noticed that it wasn't signed.",
    "Whales are mammals; they breathe air, and their young drink milk.",
    "Click on \"Settings\", choose \"Network\", and enter 192.168.0.1 as the gateway.",
    "In 1889 the tower in Paris was the tallest building in the world.",
    "The court held that the contract was void, since neither side had signed it.",
    "Knead the dough for ten minutes, and let it rest under a damp cloth.",
    "def area(r): return 3.14159 * r ** 2  # of a circle",
]

SHORT = ["Yes", "No.", "A dog barks.", "an answer", "What is the capital of Australia?", "3 + 4 = 7", "Café naïve, déjà vu – 20 °C"]

LENGTHS = (2, 3, 5, 9, 12, 14)
"""Sentences of the longer texts."""

QUESTIONS: dict[str, list[str]] = {
    "How do I keep basil alive indoors through the winter?": [
        "Give it six hours of light a day, water it when the top of the soil is dry, and keep it away from cold windows.",
        "The Battle of Hastings was fought in 1066 between the Norman army and the English.",
        "Basil can be grown indoors in winter, near a sunny window.",
        "To reset your password, click on the link in the e-mail."],
    "Why is the sky blue?": [
        "Air scatters short waves of sunlight more than long ones, so that blue light comes from all over the sky.",
        "The sky.", "My new car is blue.", "Interest is paid at the end of each quarter."],
    "What does a reward model do?": [
        "It gives each response of a language model a number that says how good people would find it.",
        "Models on the catwalk are paid by the hour.", "A reward of fifty pounds was offered for the lost cat.", "Rain is expected from the west."],
}


def texts() -> list[str]:
    """Return every text: short ones, sentences, several sentences in a row, and the questions with their answers."""
    rows = [" ".join(SENTENCES[(start + at) % len(SENTENCES)] for at in range(count)) for start, count in enumerate(LENGTHS)]
    return [*SHORT, *SENTENCES, *rows, *QUESTIONS, *(answer for answers in QUESTIONS.values() for answer in answers)]
