"""What the English sample reviews are about; all names are invented."""

from __future__ import annotations

from seqmap.samples.grammar import Aspect, Domain

DOMAINS = (
    Domain(
        "hotel",
        (
            Aspect(
                "the room",
                ("was spotless", "was quiet all night", "felt bright and welcoming"),
                ("was filthy", "was noisy all night", "felt damp and gloomy"),
            ),
            Aspect(
                "the bed",
                ("was wonderfully comfortable", "was freshly made every morning"),
                ("was terribly uncomfortable", "sagged badly in the middle"),
            ),
            Aspect(
                "the staff",
                ("were friendly and quick", "solved every problem with a smile"),
                ("were rude and slow", "ignored every problem with a shrug"),
            ),
            Aspect(
                "the breakfast",
                ("was fresh and generous", "was delicious"),
                ("was stale and meagre", "was awful"),
            ),
            Aspect(
                "the shower",
                ("worked perfectly", "had plenty of hot water"),
                ("was broken most of the time", "leaked all over the floor"),
            ),
        ),
        {
            "filler": (
                "we stayed for {number} nights with a child and a dog",
                "we had booked in {month}, directly with the house",
                "we arrived on a {day} around noon and left on the next {day}",
                "the station is {number} minutes away on foot",
                "our room number began with a {number}",
            ),
            "opener": ("{number} nights in {month}.", "a stay with {person} and the children."),
            "pair": (
                "on this trip we slept in the Alder House and then in the Brook Inn",
                "we know both houses of the family, the Alder House and the Brook Inn",
            ),
            "prep": ("in",),
            "before": (
                "in the house where we stayed last year",
                "in the hotel we used to book every {month}",
            ),
        },
    ),
    Domain(
        "restaurant",
        (
            Aspect(
                "the soup",
                ("was delicious", "came hot and full of flavour"),
                ("was awful", "came cold and without any flavour"),
            ),
            Aspect(
                "the waiter",
                ("was friendly and quick", "remembered everything we had ordered"),
                ("was rude and slow", "forgot half of what we had ordered"),
            ),
            Aspect(
                "the dining room",
                ("felt bright and welcoming", "was spotless"),
                ("felt damp and gloomy", "was filthy"),
            ),
            Aspect(
                "the fish",
                ("was fresh and tender", "was cooked perfectly"),
                ("was stale and chewy", "was burnt on both sides"),
            ),
            Aspect(
                "the dessert",
                ("was a delight", "was worth every cent"),
                ("was a disappointment", "was a waste of money"),
            ),
        ),
        {
            "filler": (
                "there were {number} of us, {person} among them",
                "we had reserved a table by the window for {number} people",
                "it was a {day} in {month}, shortly after eight",
                "we had {number} courses and some water",
                "the menu hangs beside the door and has {number} pages",
            ),
            "opener": ("dinner for {number} on a {day}.", "lunch with {person}, in {month}."),
            "pair": (
                "two kitchens share the address, the Copper Pot and the Old Mill",
                "we went to the Copper Pot on {day} and to the Old Mill a week after that",
            ),
            "prep": ("at",),
            "before": (
                "in the place that stood here until {month}",
                "under the previous owner, years ago",
            ),
        },
    ),
    Domain(
        "film",
        (
            Aspect(
                "the story",
                ("was gripping to the last minute", "was full of clever ideas"),
                ("was boring to the last minute", "was full of tired ideas"),
            ),
            Aspect(
                "the acting",
                ("was brilliant", "felt honest and warm"),
                ("was dreadful", "felt wooden and fake"),
            ),
            Aspect(
                "the music",
                ("was beautiful", "was a delight"),
                ("was irritating", "was a disappointment"),
            ),
            Aspect(
                "the ending",
                ("was moving", "was worth every cent of the ticket"),
                ("was ridiculous", "was a waste of time"),
            ),
            Aspect(
                "the dialogue",
                ("was witty and sharp", "felt fresh and natural"),
                ("was dull and clumsy", "felt stale and forced"),
            ),
        ),
        {
            "filler": (
                "we saw it on a {day} in {month}, in the {number} o'clock showing",
                "I sat in row {number} beside {person}",
                "it runs for a little over two hours, with no break",
                "the hall was about half full that {day}",
                "I have seen {number} other films of the same director",
            ),
            "opener": ("seen in {month} with {person}.", "a {day} matinee."),
            "pair": (
                "I have seen both versions, the silent one and the one in colour",
                'they showed a double bill, "Harbour Lights" and then "The Long Field"',
            ),
            "prep": ("in",),
            "before": (
                "in the film the same people made {number} years ago",
                "in the first part of the series, back in {month}",
            ),
        },
    ),
    Domain(
        "novel",
        (
            Aspect(
                "the plot",
                ("was gripping from start to finish", "was full of clever turns"),
                ("was boring from start to finish", "was full of tired clichés"),
            ),
            Aspect(
                "the heroine",
                ("felt honest and warm", "was moving and funny"),
                ("felt wooden and fake", "was irritating and dull"),
            ),
            Aspect(
                "the language",
                ("was beautiful", "was witty and sharp"),
                ("was clumsy", "was dull and stilted"),
            ),
            Aspect(
                "the translation",
                ("was brilliant", "read perfectly"),
                ("was dreadful", "was riddled with mistakes"),
            ),
            Aspect(
                "the last chapter",
                ("was a delight", "was worth the wait"),
                ("was a disappointment", "was a waste of paper"),
            ),
        ),
        {
            "filler": (
                "I read it on the train, {number} stops each way",
                "my copy is the paperback from last {month}",
                "we discussed it in our reading group on a {day}",
                "it has {number} parts and a short afterword",
                "I borrowed it from {person} and gave it back in {month}",
            ),
            "opener": ("read in {month}, on the train.", "a present from {person}."),
            "pair": (
                'I took two of her novels along, "The Glass Orchard" and "Winter Post"',
                'the volume holds two novels, "The Glass Orchard" and "Winter Post"',
            ),
            "prep": ("in",),
            "before": (
                "in the book she published {number} years ago",
                "in the volume that I read last {month}",
            ),
        },
    ),
    Domain(
        "headphones",
        (
            Aspect(
                "the sound",
                ("was rich and clear", "was brilliant at any volume"),
                ("was thin and muffled", "was dreadful at any volume"),
            ),
            Aspect(
                "the battery",
                ("lasted for days", "charged quickly"),
                ("was dead within an hour", "charged terribly slowly"),
            ),
            Aspect(
                "the headband",
                ("was wonderfully comfortable", "felt solid and well made"),
                ("was terribly uncomfortable", "felt flimsy and badly made"),
            ),
            Aspect(
                "the microphone",
                ("worked perfectly", "made every call a delight"),
                ("was broken most of the time", "made every call a disappointment"),
            ),
            Aspect(
                "the connection",
                ("was stable and quick", "never failed me"),
                ("was shaky and slow", "failed me daily"),
            ),
        ),
        {
            "filler": (
                "I wear them {number} hours a day, mostly at work",
                "mine are the grey ones, ordered in {month}",
                "I use them with a phone that is {number} years old",
                "the parcel came on a {day}, with a cable and a pouch",
                "{person} has the same pair in blue",
            ),
            "opener": ("bought in {month}, in grey.", "ordered on a {day}, here on the site."),
            "pair": (
                "I ordered two pairs, first the Norlan and then the Kestrel",
                "there are two pairs in our house, the Norlan and the Kestrel",
            ),
            "prep": ("with",),
            "before": (
                "with the pair I had before this one",
                "with the model they sold until {month}",
            ),
        },
    ),
    Domain(
        "vacuum cleaner",
        (
            Aspect(
                "the motor",
                ("was strong and quiet", "worked perfectly"),
                ("was weak and noisy", "was broken most of the time"),
            ),
            Aspect(
                "the brush",
                ("felt solid and well made", "left every carpet spotless"),
                ("felt flimsy and badly made", "left every carpet filthy"),
            ),
            Aspect(
                "the battery",
                ("lasted for the whole flat", "charged quickly"),
                ("was dead after one room", "charged terribly slowly"),
            ),
            Aspect(
                "the handle",
                ("was wonderfully light", "was comfortable to hold"),
                ("was terribly heavy", "was uncomfortable to hold"),
            ),
            Aspect(
                "the customer service",
                ("was friendly and quick", "solved every problem with a smile"),
                ("was rude and slow", "ignored every problem with a shrug"),
            ),
        ),
        {
            "filler": (
                "our flat has {number} rooms and two carpets",
                "we run it every {day}, and in {month} more often",
                "it stands in the cupboard behind the door",
                "it came in a box as tall as {person}",
                "there is a cat in the house, and there are {number} plants",
            ),
            "opener": ("bought in {month} for a small flat.", "a purchase with {person}."),
            "pair": (
                "we own two of them, the Tarn upstairs and the Fell downstairs",
                "we had two on loan for {number} days, the Tarn and the Fell",
            ),
            "prep": ("with",),
            "before": (
                "with the machine we had before this one",
                "with the one that {person} lent us in {month}",
            ),
        },
    ),
)
