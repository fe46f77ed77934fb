"""The English sample reviews: how they are built, and the phrases common to all of them."""

from __future__ import annotations

from seqmap.samples.english_domains import DOMAINS
from seqmap.samples.grammar import Language, Pattern

_PATTERNS = (
    Pattern(
        "plain",
        (
            "{opener} {claim}, and {claim2}. {filler}.",
            "{filler}. {claim}. {filler}, and {claim2}.",
            "{opener} {filler}. In short: {claim}, {claim2}.",
            "{claim}; {claim2}. {filler}. {closer}",
        ),
        weight=3.5,
    ),
    Pattern(
        "hearsay",
        (
            "{opener} {hearsay} {claim}. {filler}. {turn}.",
            "{hearsay} {claim} and that {claim2}. {filler}. {turn}. {closer}",
            "{hearsay} {claim}. {opener} {filler}, {turn}.",
            "{turn}. {filler}, {filler}. Before that, {hearsay} {claim}. {closer}",
        ),
        keep=(
            "it turned out to be true, all of it",
            "they were right on every single point",
            "I can only confirm what I had been told",
            "that is exactly how it was",
            "every word of it held up",
            "I came to the very same conclusion",
        ),
        flip=(
            "none of it turned out to be true",
            "they were wrong on every single point",
            "I can not confirm what I had been told",
            "that is exactly how it was not",
            "not one word of it held up",
            "I came to quite another conclusion",
        ),
    ),
    Pattern(
        "negation",
        (
            "{turn}, {aside}, that {claim}. {filler}.",
            "{opener} {turn}, {aside}, that {claim}. {closer}",
            "{filler}. {turn}, {aside}, that {claim} and that {claim2}.",
        ),
        keep=(
            "I would say",
            "nobody can deny",
            "I have no doubt at all",
            "you can believe anyone who tells you",
            "it is a plain fact",
            "everybody in our group agreed",
        ),
        flip=(
            "I would never say",
            "nobody can claim",
            "I doubt it very much",
            "do not believe anyone who tells you",
            "it is simply not the case",
            "nobody in our group agreed",
        ),
    ),
    Pattern(
        "change",
        (
            "{opener} {early} {claim}. {filler}. {turn}.",
            "{early} {claim}, and {claim2}. {filler}. {turn}. {closer}",
            "{early} {claim}; {filler}. {turn}.",
        ),
        keep=(
            "to this day nothing about that has changed",
            "it has stayed that way ever since",
            "{later}, it is still the same",
            "{later}, I would write the same words again",
            "that was no accident, and it went on like that until the end",
        ),
        flip=(
            "by now all of that has changed",
            "it has been the reverse ever since",
            "{later}, it is no longer the same",
            "{later}, I would have to write the opposite",
            "that was an accident, and it did not go on like that for long",
        ),
    ),
    Pattern(
        "reference",
        (
            "{pair}. {prep} the first {claim}; {prep} the second {other}. {filler}. {turn}.",
            "{pair}. {prep} the former {claim}, while {prep} the latter {other}. {filler}. {turn}.",
            "{pair}. {turn}. {filler}. {prep} the first {claim}; {prep} the second {other}.",
        ),
        keep=(
            "this review is about the former",
            "my stars are meant for the first of the two",
            "I am rating the first one here",
            "what I am judging is the former, nothing else",
        ),
        flip=(
            "this review is about the latter",
            "my stars are meant for the second of the two",
            "I am rating the second one here",
            "what I am judging is the latter, nothing else",
        ),
        weight=1.5,
    ),
    Pattern(
        "comparison",
        (
            "{opener} {before}, {claim}. {filler}. {turn}.",
            "{before}, {claim}, and {claim2}. {filler}. {turn}. {closer}",
            "{turn}. {filler}. {before}, {claim}.",
        ),
        keep=(
            "this one is the same in every respect",
            "it is no different with this one",
            "I found nothing here that would set this one apart from that",
            "the new one does not differ from the old one at all",
        ),
        flip=(
            "this one is the opposite in every respect",
            "it is quite different with this one",
            "I found everything here turned upside down, compared with that",
            "the new one has nothing in common with the old one at all",
        ),
    ),
)

_TABLES = {
    "person": (
        "my sister",
        "my neighbour",
        "a colleague from the fifth floor",
        "my father",
        "an old friend from school",
        "my cousin",
        "the woman next door",
        "my flatmate",
    ),
    "month": ("January", "March", "April", "June", "July", "September", "October", "November"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "number": ("two", "three", "four", "five", "six", "seven", "ten", "twelve"),
    "hearsay": (
        "{person} had told me that",
        "I had read more than once that",
        "half of the reviews on this page say that",
        "{person}, who has an opinion about everything, kept repeating that",
        "the people in the forum were sure that",
        "a magazine that I have read for years wrote that",
        "{person} and {person} both insisted that",
        "a long article in the {day} paper claimed that",
    ),
    "aside": (
        "whatever the adverts may promise",
        "having talked about it with {person} for an hour",
        "after {number} weeks and a good deal of thought",
        "and {person} was there with me the whole time",
        "no matter what the star rating above looks like",
        "now that I have slept over it for {number} nights",
        "with all due respect to {person}",
        "even though I paid for it myself like everybody else",
        "looking back at my notes from {month}",
        "as somebody who has written here since last {month}",
    ),
    "early": (
        "at first",
        "in the beginning",
        "during the initial {number} days",
        "when I began to take notes",
        "on the opening {day}",
        "back in {month}",
    ),
    "later": (
        "{number} months later",
        "now that it is {month}",
        "a good while later",
        "when I look at it today",
        "as I write this in {month}",
    ),
    "opener": (
        "it was {person} who asked me to write this.",
        "this is another attempt to put it into words.",
        "a short note from {month}.",
        "I write this on a {day} evening.",
        "some background to begin with.",
        "I promised {person} a few lines.",
        "for the record.",
    ),
    "closer": (
        "More in {month}.",
        "{person} may add something later.",
        "That is all from me.",
        "I will come back to this page in {month}.",
        "Written on a {day}.",
        "Sent from the train.",
        "Questions can go to {person}.",
    ),
    "filler": (
        "{person} came along for part of it",
        "I took notes every {day}",
        "I am neither an expert nor a beginner",
        "all this was in {month}",
        "I paid the regular price like anybody else",
        "I had a little time between two appointments",
        "{person} saw it too, but has not written anything yet",
        "this was between {month} and {month}, more or less",
        "for the sake of order, I mention that I live {number} streets away",
        "we talked about it on the phone for {number} minutes",
        "I wrote one half of this on a {day} and the rest on a {day}",
    ),
}

ENGLISH = Language("en", " ", _PATTERNS, DOMAINS, _TABLES)
